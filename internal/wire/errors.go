package wire

import "errors"

// The errors of a message that could not be sent. Package transport documents
// them under its own names.
var (
	ErrNotSent  = errors.New("message not sent")
	ErrTooLarge = errors.New("message too large")
)

// ErrPeerClosed is the error of a message that was not sent because the peer has closed
// the socket. What it sent before can be received.
var ErrPeerClosed = NotSent(errors.New("the peer has closed the socket"))

// NotSent marks an error after which the peer has executed nothing. The text of
// what it returns is that of err.
func NotSent(err error) error {
	if _, ok := err.(notSent); ok {
		return err
	}
	return notSent{err}
}

// Refused is NotSent for a peer that has turned away a whole socket: nothing was
// executed of anything that was sent on it.
func Refused(err error) error { return notSent{refused{err}} }

// IsRefused reports whether an error was marked by Refused.
func IsRefused(err error) bool {
	var r refused
	return errors.As(err, &r)
}

type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

type notSent struct{ cause error }

func (e notSent) Error() string   { return e.cause.Error() }
func (e notSent) Unwrap() []error { return []error{ErrNotSent, e.cause} }
