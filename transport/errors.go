package transport

import (
	"errors"
	"fmt"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// notSent marks an error after which the peer has executed nothing. Its text
// is the cause's.
type notSent struct{ cause error }

func (e notSent) Error() string   { return e.cause.Error() }
func (e notSent) Unwrap() []error { return []error{ErrNotSent, e.cause} }

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
