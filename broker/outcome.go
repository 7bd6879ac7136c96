package broker

import (
	"errors"
	"fmt"
)

// A failure is why a node did not take a message.
type failure struct {
	kind failureKind
	err  error
}

type failureKind int

const (
	unreachable failureKind = iota // no reply that tells more
	unknown                        // the node has no such subscription
	failed                         // the receiver could not handle the message
	broken                         // the connection broke once the node had the message
	refused                        // the receiver will never take it
)

// sent is the outcome of one delivery: how many messages are done, and why the
// next is not.
type sent struct {
	done int
	failure
}

func notSent(kind failureKind, err error) sent { return sent{failure: failure{kind, err}} }

// failures collects why the nodes of a receiver did not take a message.
type failures struct {
	list []failure
}

func (f *failures) add(one failure) { f.list = append(f.list, one) }

// answered tells whether a handler was given the message.
func (f *failures) answered() bool {
	for _, one := range f.list {
		if one.kind == failed {
			return true
		}
	}
	return false
}

// final tells whether all nodes refused the message.
func (f *failures) final() bool {
	for _, one := range f.list {
		if one.kind != refused {
			return false
		}
	}
	return len(f.list) > 0
}

// reason is the first failure, in one line, and how many nodes there were.
func (f *failures) reason() error {
	if more := len(f.list) - 1; more > 0 {
		return fmt.Errorf("not delivered: %w, and %d more nodes failed", f.list[0].err, more)
	}
	return f.err()
}

func (f *failures) err() error {
	errs := make([]error, len(f.list))
	for i, one := range f.list {
		errs[i] = one.err
	}
	return fmt.Errorf("not delivered: %w", errors.Join(errs...))
}
