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
	"github.com/justcy/go-micro/v4/registry"
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

// failure is an error with code 500 whose detail is what, with cause after it.
func failure(id, what string, cause error) error {
	return errors.Wrap(cause, id, what+cause.Error(), http.StatusInternalServerError)
}

// timeout is an error with code 408 because of the end of a context.
func timeout(detail string, cause error) error {
	return errors.Wrap(cause, clientID, detail, http.StatusRequestTimeout)
}

// tooLate is the error of something that was not begun, as its context is done.
func tooLate(ctx context.Context, err error) error {
	cause := contextCause(ctx, err)
	return timeout(cause.Error(), cause)
}

// refusal is the error of a call that cannot be made the way it was asked for.
func refusal(detail string) error {
	return errors.New(clientID, detail, http.StatusBadRequest)
}

// callTimeout is the error of a call that ended with its context.
func callTimeout(ctx context.Context, err error) error {
	cause := contextCause(ctx, err)
	detail := "call timeout: " + cause.Error()
	if call := callOf(ctx); call != nil {
		detail += ": " + call.progress()
	}
	return timeout(detail, cause)
}

// contextCause is a context's error, together with its cause if that is another
// one.
func contextCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && cause != err {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
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
// certainly executed nothing, and that another one may. No other one takes a
// message that is too large.
func notSent(err error) bool {
	return stderrors.Is(err, transport.ErrNotSent) && !stderrors.Is(err, transport.ErrMessageTooLarge)
}

// expired reports whether err, of an attempt, says that its time was over.
func expired(err error) bool {
	e, ok := errors.As(err)
	return ok && e.Code == http.StatusRequestTimeout && stderrors.Is(e.Unwrap(), context.DeadlineExceeded)
}

// reported is what becomes of the outcome of reading a reply, err, if that is
// an error that the node reported. A text without a code gets one, and an id
// that says whose it is. When end has passed such a text, or a timeout, says
// that the node noticed it first.
func reported(ctx context.Context, end time.Time, req Request, node *registry.Node, err error) error {
	e, ok := err.(*errors.Error)
	if !ok || e.Unwrap() != nil {
		return err
	}
	if tellsTimeout(e) && !end.IsZero() && !time.Now().Before(end) {
		return callTimeout(ctx, context.DeadlineExceeded)
	}
	return origin(e, req, node.Address)
}

// reported is what the stream ends with when the node reported err.
func (s *rpcStream) reported(err error) error {
	e, ok := err.(*errors.Error)
	if !ok {
		return err
	}
	if contextErr := ended(s.ctx); contextErr != nil && tellsTimeout(e) {
		return contextErr
	}
	return origin(e, s.request.Request, s.conn.Remote())
}

// tellsTimeout reports whether an error of a node may be its word for a
// deadline that has passed: it says so, or it says nothing but a text.
func tellsTimeout(e *errors.Error) bool {
	return e.Code == http.StatusRequestTimeout || uncoded(e)
}

// uncoded reports whether the node sent the error without a code.
func uncoded(e *errors.Error) bool { return e.Is(&errors.Error{Detail: e.Detail}) }

// origin names where an error comes from that came without a code, and so most
// likely without an id.
func origin(e *errors.Error, req Request, address string) error {
	if !uncoded(e) {
		return e
	}
	return errors.Remote(req.Service()+"."+req.Endpoint()+"@"+address, e.Error())
}

// recovered turns a panic into an error. It is to be deferred.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = panicError(r)
	}
}

func panicError(r any) error {
	cause, ok := r.(error)
	if !ok {
		cause = fmt.Errorf("%v", r)
	}
	return failure(clientID, "panic recovered: ", cause)
}

func codecError(err error) error { return failure(codecID, "", err) }

// connectionLost reports whether err means that the peer went away, rather than
// that it answered something wrong.
func connectionLost(err error) bool {
	return stderrors.Is(err, io.EOF) || stderrors.Is(err, io.ErrUnexpectedEOF) ||
		stderrors.Is(err, syscall.ECONNRESET) || stderrors.Is(err, syscall.EPIPE)
}
