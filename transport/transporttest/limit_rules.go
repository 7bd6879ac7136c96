package transporttest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/justcy/go-micro/v4/transport"
)

const smallLimit = 1000

var limitRules = []rule{
	{"Send refuses a body over the limit and the socket goes on working", noSizeLimit, func(tr *trial) error {
		if err := tr.transport.Init(transport.MaxMessageSize(smallLimit)); err != nil {
			return err
		}
		c, _, err := tr.connect(echo)
		if err != nil {
			return err
		}
		return tr.refuses(c, &transport.Message{Body: make([]byte, smallLimit+1)})
	}},
	{"Send refuses headers over the limit and the socket goes on working", noSizeLimit, func(tr *trial) error {
		c, _, err := tr.connect(echo)
		if err != nil {
			return err
		}
		return tr.refuses(c, &transport.Message{Header: map[string]string{"Micro-Error": strings.Repeat("e", transport.MaxHeaderSize)}})
	}},
	{"a body up to the limit is carried", noSizeLimit, func(tr *trial) error {
		if err := tr.transport.Init(transport.MaxMessageSize(smallLimit)); err != nil {
			return err
		}
		return tr.carries(&transport.Message{Body: make([]byte, smallLimit)})
	}},
	{"Recv refuses a body over the limit of its end", noSizeLimit, func(tr *trial) error {
		if err := tr.transport.Init(transport.MaxMessageSize(smallLimit)); err != nil {
			return err
		}
		received := make(chan error, 1)
		s, err := tr.listen(func(s transport.Socket) {
			var m transport.Message
			for {
				if err := s.Recv(&m); err != nil {
					received <- err
					return
				}
			}
		})
		if err != nil {
			return err
		}
		if err := tr.transport.Init(transport.MaxMessageSize(0)); err != nil {
			return err
		}
		c, err := tr.dial(s, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("sending too much", func() error {
			if err := errors.Join(c.Send(message("small")), c.Send(&transport.Message{Body: make([]byte, smallLimit+1)})); err != nil {
				return err
			}
			if err := <-received; !errors.Is(err, transport.ErrMessageTooLarge) {
				return fmt.Errorf("Recv returns %v, which does not wrap transport.ErrMessageTooLarge", err)
			}
			return nil
		})
	}},
	{"Timeout ends a waiting Recv", func(h Harness) bool { return h.NoTimeout }, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		if err := tr.transport.Init(transport.Timeout(settle)); err != nil {
			return err
		}
		c, err := tr.dial(s, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("waiting for nothing", func() error {
			var m transport.Message
			if err := c.Recv(&m); !timedOut(err) {
				return fmt.Errorf("Recv returns %v, want a timeout", err)
			}
			return nil
		})
	}},
	{"Timeout ends a waiting Send", func(h Harness) bool { return h.NoTimeout || h.NoBackpressure }, func(tr *trial) error {
		release := make(chan struct{})
		s, err := tr.listen(func(transport.Socket) { <-release })
		tr.closers = append(tr.closers, func() error { close(release); return nil })
		if err != nil {
			return err
		}
		if err := tr.transport.Init(transport.Timeout(settle)); err != nil {
			return err
		}
		c, err := tr.dial(s, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("sending to nobody", func() error {
			m := &transport.Message{Body: make([]byte, 1<<20)}
			for {
				if err := c.Send(m); err != nil {
					if !timedOut(err) {
						return fmt.Errorf("Send returns %v, want a timeout", err)
					}
					return nil
				}
			}
		})
	}},
}

func noSizeLimit(h Harness) bool { return h.NoSizeLimit }

// refuses sends a message that is too large and then one that is not.
func (tr *trial) refuses(c transport.Client, m *transport.Message) error {
	return tr.within("a message that is too large", func() error {
		if err := c.Send(m); !errors.Is(err, transport.ErrMessageTooLarge) {
			return fmt.Errorf("Send returns %v, which does not wrap transport.ErrMessageTooLarge", err)
		}
		return exchange(c, "small")
	})
}

func timedOut(err error) bool {
	var t net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &t) && t.Timeout())
}
