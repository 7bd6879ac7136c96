package client

import (
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"time"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/transport"
)

// Ids of the errors that the client itself reports.
const (
	clientID    = "go.micro.client"
	codecID     = clientID + ".codec"
	transportID = clientID + ".transport"
)

// ErrShutdown is returned by the methods of a stream that was closed.
var ErrShutdown = stderrors.New("connection is shut down")

// errSendClosed is returned by Send after CloseSend.
var errSendClosed = stderrors.New("send after CloseSend: the sending side of the stream is closed")

// errNoBroker is returned by Publish when the Broker option was nil.
var errNoBroker = stderrors.New("the client has no broker to publish with")

// errExpired is why a guard gives up a connection.
var errExpired = stderrors.New("the attempt is over")

func internalError(id, detail string) error {
	return errors.New(id, detail, http.StatusInternalServerError)
}

func timeoutError(detail string) error {
	return errors.New(clientID, detail, http.StatusRequestTimeout)
}

// callTimeout is the error of a call that ended with its context.
func callTimeout(ctx context.Context, err error) error {
	return timeoutError("call timeout: " + contextText(ctx, err))
}

// contextText is the text of a context's error, and of its cause if that says
// more.
func contextText(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil && cause.Error() != err.Error() {
		return err.Error() + ": " + cause.Error()
	}
	return err.Error()
}

// ended returns the error of a context that is done or will be in a moment,
// because its deadline is past.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c, ok := ctx.(*callContext); ok && c.unwatched() {
		return nil // Err has looked at the clock
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// notSent reports whether an error of the transport says that the peer has
// certainly executed nothing.
func notSent(err error) bool {
	return stderrors.Is(err, transport.ErrNotSent)
}

// recovered turns a panic into an error. It is to be deferred.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = panicError(r)
	}
}

func panicError(r any) error {
	return internalError(clientID, fmt.Sprintf("panic recovered: %v", r))
}

func codecError(err error) error {
	return internalError(codecID, err.Error())
}

// connectionLost reports whether err means that the peer went away, rather than
// that it answered something wrong.
func connectionLost(err error) bool {
	return stderrors.Is(err, io.EOF) || stderrors.Is(err, io.ErrUnexpectedEOF) ||
		stderrors.Is(err, syscall.ECONNRESET) || stderrors.Is(err, syscall.EPIPE)
}
