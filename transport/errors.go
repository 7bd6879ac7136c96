package transport

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// StatusError is the error of a Send or Recv whose message the peer refused with
// an HTTP response of another status than 200, instead of replying to it. It
// does not wrap ErrNotSent: the peer was reached, and another one would most
// likely say the same.
type StatusError struct {
	// Code is the status, 413 for instance.
	Code int
	// Status is the code with the reason, as it stands in the response: "413
	// Request Entity Too Large" for instance.
	Status string
	// Detail is how the body of the response begins.
	Detail string
}

// Error returns the status and the detail.
func (e *StatusError) Error() string { return e.Status + ": " + e.Detail }

// Is makes errors.Is tell a message that was too large for the peer.
func (e *StatusError) Is(target error) bool {
	return target == ErrMessageTooLarge &&
		(e.Code == http.StatusRequestEntityTooLarge || e.Code == http.StatusRequestHeaderFieldsTooLarge)
}

// statusError is the error of a response other than 200.
func statusError(h *httpmsg.Head, body []byte) *StatusError {
	return &StatusError{Code: h.Status, Status: h.StatusText, Detail: string(body[:min(len(body), maxErrorText)])}
}

// bodyTooLarge is the error of a Send whose body exceeds the limit.
func bodyTooLarge(size, limit int) error {
	return fmt.Errorf("%w: body of %d bytes, the limit is %d (transport.MaxMessageSize)", ErrMessageTooLarge, size, limit)
}

// headerTooLarge is the error of a Send whose headers exceed the limit.
func headerTooLarge(size int) error {
	return fmt.Errorf("%w: headers of %d bytes, the limit is %d (transport.MaxHeaderSize)", ErrMessageTooLarge, size, MaxHeaderSize)
}

// receiveError says from whom a message could not be read.
func receiveError(remote string, err error) error {
	var refused *httpmsg.Error
	if errors.As(err, &refused) && refused.TooLarge() {
		return fmt.Errorf("receive from %s: %w: %w", remote, ErrMessageTooLarge, err)
	}
	return fmt.Errorf("receive from %s: %w", remote, err)
}
