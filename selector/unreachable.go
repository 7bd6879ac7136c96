package selector

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// Unreachable wraps an error for Mark, to say that the node could not be
// reached: nothing listens there, or the connection was lost before the
// request was written. Its text stays the same; nil stays nil.
//
// Mark also takes an error for that without being told when its chain holds
// ErrUnreachable, a failed dial or a refused connection, or an error with a
// method Unreachable() bool that returns true. A request that its caller
// cancelled says nothing about the node, whatever else is in the chain.
func Unreachable(err error) error {
	if err == nil {
		return nil
	}
	return &unreachableError{err}
}

type unreachableError struct{ error }

func (e *unreachableError) Unwrap() []error { return []error{e.error, ErrUnreachable} }

// isUnreachable reports whether the error says that the node is not there.
func isUnreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	if errors.Is(err, ErrUnreachable) ||
		errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.EHOSTUNREACH) {
		return true
	}
	if says, ok := errors.AsType[interface {
		error
		Unreachable() bool
	}](err); ok && says.Unreachable() {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
