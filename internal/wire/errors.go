package wire

import "errors"

// The errors of a message that could not be sent. Package transport documents
// them under its own names.
var (
	ErrNotSent  = errors.New("message not sent")
	ErrTooLarge = errors.New("message too large")
)

// NotSent marks an error after which the peer has executed nothing. The text of
// what it returns is that of err.
func NotSent(err error) error {
	if _, ok := err.(notSent); ok {
		return err
	}
	return notSent{err}
}

type notSent struct{ cause error }

func (e notSent) Error() string   { return e.cause.Error() }
func (e notSent) Unwrap() []error { return []error{ErrNotSent, e.cause} }
