package server

import (
	"net/http"
	"strconv"

	"github.com/justcy/go-micro/v4/codec"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// A request without an id comes from curl, a browser or a proxy, and not from a
// client of this framework. Over HTTP such clients are told of an error by the
// status of the response, and by its body.

// isWeb reports whether a message of this head comes from such a client.
func (c *conn) isWeb(head *wire.Head) bool {
	return head.ID == "" && head.Stream == "" && c.speaksHTTP()
}

// isWeb reports whether a call comes from such a client.
func (k *call) isWeb() bool {
	return k.id == "" && k.streamID == "" && k.conn.speaksHTTP() && !k.isGRPC()
}

// webError is an error as the body of a response says it.
func webError(err error) *microerrors.Error {
	e := coded(err, err.Error())
	if e == nil {
		e = microerrors.Parse(errorText(err))
	}
	return withCode(e, http.StatusInternalServerError)
}

// withCode completes an error that has no code.
func withCode(e *microerrors.Error, code int32) *microerrors.Error {
	if e.Code == 0 {
		e.Code, e.Status = code, http.StatusText(int(code))
	}
	if e.Id == "" {
		e.Id = errorID
	}
	return e
}

// fillWeb makes h the headers of a response that tells of e, and returns its body.
func fillWeb(h map[string]string, e *microerrors.Error) []byte {
	status := int(e.Code)
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	h[headers.Status] = strconv.Itoa(status)
	h[headers.ContentType] = "application/json"
	return []byte(e.Error())
}

// sendWebError answers a request with an error.
func (k *call) sendWebError(err error) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.takesNoMore(codec.Error) {
		return errRequestOver
	}
	h := borrowHeader()
	defer returnHeader(h)
	setBoth(h, headers.Error, "X-"+headers.Error, errorText(err))
	body := fillWeb(h, webError(err))
	return k.send(h, body)
}
