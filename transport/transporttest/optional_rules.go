package transporttest

import (
	"errors"

	"github.com/justcy/go-micro/v4/transport"
)

// optionalRules are those of interfaces that a socket need not implement. They
// hold for every socket that does.
var optionalRules = []rule{
	{"Watch tells of a message and of the end", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		w, ok := s.(transport.Watcher)
		if !ok {
			return nil
		}
		return tr.within("watching a socket", func() error { return tr.watches(c, s, w) })
	}},
}

// watches expects s to tell of what c does.
func (tr *trial) watches(c transport.Client, s transport.Socket, w transport.Watcher) error {
	told := make(chan struct{}, 1)
	tell := func() { told <- struct{}{} }
	if !w.Watch(tell) || !w.Unwatch() || w.Unwatch() {
		return errors.New("a Watch for nothing cannot be taken back once")
	}
	if !w.Watch(tell) || w.Pending() {
		return errors.New("something is there before anything was sent")
	}
	if err := c.Send(message("hello")); err != nil {
		return err
	}
	if err := tr.wait("a message", told); err != nil {
		return err
	}
	if w.Unwatch() || w.Watch(tell) {
		return errors.New("Watch goes on although a message waits")
	}
	if !w.Pending() {
		return errors.New("nothing is pending although a message waits")
	}
	if err := expect(s, "hello"); err != nil {
		return err
	}
	if !w.Watch(tell) {
		return errors.New("Watch is false after everything was received")
	}
	c.Close()
	if err := tr.wait("the end", told); err != nil {
		return err
	}
	if !w.Pending() {
		return errors.New("nothing is pending although the socket has ended")
	}
	return atEnd(s)
}
