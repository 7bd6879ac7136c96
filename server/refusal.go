package server

import (
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/codec/grpc"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// maxName limits what names a request or its content type. Replies repeat it, some
// of it twice.
const maxName = 1 << 10

// overlong refuses what names a request when it would not fit into a reply, and
// drops it from head so that the refusal does.
func overlong(head *wire.Head) (err error) {
	names := [...]string{headers.ID, headers.Stream, headers.ContentType, headers.Request, headers.Method, headers.Endpoint}
	for i, value := range [len(names)]*string{&head.ID, &head.Stream, &head.ContentType, &head.Service, &head.Method, &head.Endpoint} {
		if n := len(*value); n > maxName {
			err = microerrors.BadRequest(errorID, "%s of %d bytes, the limit is %d", names[i], n, maxName)
			*value = ""
		}
	}
	return err
}

// refuse answers a message that cannot become a request.
func (c *conn) refuse(head *wire.Head, err error, contentType string, body []byte) {
	c.refuseAs(c.isWeb(head), head, err, contentType, body)
}

// refuseAs is refuse for a client that is known to be one of the web, or not.
func (c *conn) refuseAs(web bool, head *wire.Head, err error, contentType string, body []byte) {
	what := *head
	c.inTurn(head, func() { c.sendRefusal(web, &what, err, contentType, body) })
}

func (c *conn) sendRefusal(web bool, head *wire.Head, err error, contentType string, body []byte) {
	h := borrowHeader()
	defer returnHeader(h)
	h[headers.ContentType] = contentType
	setBoth(h, headers.ID, "X-"+headers.ID, head.ID)
	setBoth(h, headers.Error, "X-"+headers.Error, err.Error())
	if c.http2 != nil && strings.HasPrefix(head.ContentType, "application/grpc") {
		h[headers.ContentType] = "application/grpc"
		grpc.SetStatus(h, err.Error())
		body = nil
	}
	if head.Stream != "" {
		h[headers.Stream] = head.Stream
	}
	if web && !strings.HasPrefix(head.ContentType, "application/grpc") {
		code := int32(http.StatusBadRequest)
		if body != nil { // no codec reads it
			code = http.StatusUnsupportedMediaType
		}
		body = fillWeb(h, withCode(microerrors.Parse(err.Error()), code))
	}
	if err := c.send(h, body); err != nil && !c.isLost() {
		logger.LoggerOrDefault(c.run.logger()).Logf(logger.ErrorLevel, "server: refuse a request of %s: %v", c.remote, err)
	}
}
