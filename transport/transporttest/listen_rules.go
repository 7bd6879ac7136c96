package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

var listenRules = []rule{
	{"Listener Close makes Accept return nil", nil, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		return tr.within("closing the listener", func() error {
			if err := s.Close(); err != nil {
				return err
			}
			if err := <-s.ended; err != nil {
				return fmt.Errorf("Accept returns %w", err)
			}
			return nil
		})
	}},
	{"Listener Close ends its sockets", nil, func(tr *trial) error {
		c, l, err := tr.connect(echo, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("closing the listener", func() error {
			if err := errors.Join(exchange(c, "hello"), l.Close()); err != nil {
				return err
			}
			var m transport.Message
			if err := c.Recv(&m); err == nil {
				return errors.New("Recv of the client succeeds")
			}
			return nil
		})
	}},
	{"Listener Close waits for the accept functions", nil, func(tr *trial) error {
		var returned atomic.Bool
		c, l, err := tr.connect(func(s transport.Socket) {
			echo(s)
			time.Sleep(settle)
			returned.Store(true)
		})
		if err != nil {
			return err
		}
		return tr.within("closing the listener", func() error {
			if err := errors.Join(exchange(c, "hello"), l.Close()); err != nil {
				return err
			}
			if !returned.Load() {
				return errors.New("it returned before the accept function did")
			}
			return nil
		})
	}},
	{"Listener Close may be called again and from several goroutines", nil, func(tr *trial) error {
		c, l, err := tr.connect(echo)
		if err != nil {
			return err
		}
		return tr.within("closing the listener", func() error {
			if err := exchange(c, "hello"); err != nil {
				return err
			}
			var all sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				all.Go(func() { errs[i] = l.Close() })
			}
			all.Wait()
			return errors.Join(errors.Join(errs...), l.Close())
		})
	}},
	{"Listener Close frees the address", nil, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		addr := s.Addr()
		if err := s.Close(); err != nil {
			return err
		}
		return tr.eventually(func() error {
			l, err := tr.transport.Listen(addr)
			if err != nil {
				return err
			}
			return l.Close()
		})
	}},
	{"an address is not listened on twice", nil, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		if l, err := tr.transport.Listen(s.Addr()); err == nil {
			l.Close()
			return fmt.Errorf("a second Listen(%s) succeeds", s.Addr())
		}
		return nil
	}},
	{"a Dial that fails has sent nothing", func(h Harness) bool { return h.NoNotSent }, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
		return tr.within("dialling nobody", func() error {
			c, err := tr.transport.Dial(s.Addr(), tr.DialOptions...)
			if err == nil {
				c.Close()
				return errors.New("it succeeds")
			}
			if !errors.Is(err, transport.ErrNotSent) {
				return fmt.Errorf("the error %q does not wrap transport.ErrNotSent", err)
			}
			return nil
		})
	}},
	{"a Dial ends with its context", func(h Harness) bool { return h.NoDialContext }, func(tr *trial) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		for range 200 { // a transport may hold a few connections for Accept
			c, err := tr.dial(s, transport.WithContext(ctx))
			if err != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("the error %q does not wrap context.Canceled", err)
			}
			c.Close()
		}
		return errors.New("it succeeds although the context is cancelled")
	}},
	{"Drain refuses connections and keeps the open ones working", func(h Harness) bool { return h.NoDrain }, func(tr *trial) error {
		c, l, err := tr.connect(echo)
		if err != nil {
			return err
		}
		drainer, ok := l.Listener.(transport.Drainer)
		if !ok {
			return errors.New("the listener is no transport.Drainer")
		}
		return tr.within("draining", func() error {
			if err := errors.Join(exchange(c, "before"), drainer.Drain(), drainer.Drain()); err != nil {
				return err
			}
			if err := tr.refused(l); err != nil {
				return err
			}
			if err := exchange(c, "after"); err != nil {
				return err
			}
			select {
			case err := <-l.ended:
				return fmt.Errorf("Accept returned %v before Close", err)
			default:
				return l.Close()
			}
		})
	}},
	{"a connection is not reusable after a reply of a draining listener", func(h Harness) bool { return h.NoDrain || h.NoReuse }, func(tr *trial) error {
		c, l, err := tr.connect(echo)
		if err != nil {
			return err
		}
		return tr.within("draining", func() error {
			if err := errors.Join(exchange(c, "before"), l.Listener.(transport.Drainer).Drain(), exchange(c, "after")); err != nil {
				return err
			}
			return reusable(c, false)
		})
	}},
	{"a connection is reusable between exchanges", func(h Harness) bool { return h.NoReuse }, func(tr *trial) error {
		c, _, err := tr.connect(echo, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("exchanges", func() error {
			for range 3 {
				if err := errors.Join(exchange(c, "hello"), reusable(c, true)); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"a connection is not reusable with a reply outstanding", func(h Harness) bool { return h.NoReuse }, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		if err := s.Send(message("unread")); err != nil {
			return err
		}
		return tr.eventually(func() error { return reusable(c, false) })
	}},
	{"a connection is not reusable after either end has closed it", func(h Harness) bool { return h.NoReuse }, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		if err := errors.Join(s.Send(message("reply")), expect(c, "reply"), s.Close()); err != nil {
			return err
		}
		if err := tr.eventually(func() error { return reusable(c, false) }); err != nil {
			return err
		}
		c.Close()
		return reusable(c, false)
	}},
	{"Init changes the options that Options returns", nil, func(tr *trial) error {
		if err := tr.transport.Init(transport.Addrs("a", "b")); err != nil {
			return err
		}
		if got := tr.transport.Options().Addrs; len(got) != 2 {
			return fmt.Errorf("Options().Addrs is %v", got)
		}
		if tr.transport.String() == "" {
			return errors.New("String is empty")
		}
		return nil
	}},
}

func reusable(c transport.Client, want bool) error {
	r, ok := c.(transport.Reuser)
	if !ok {
		return errors.New("the client is no transport.Reuser")
	}
	if r.Reusable() != want {
		return fmt.Errorf("Reusable is %v", !want)
	}
	return nil
}

// refused expects that nothing can be sent to l over a new connection. A
// transport may notice that at the first exchange only.
func (tr *trial) refused(l *server) error {
	other, err := tr.transport.Dial(l.Addr(), tr.DialOptions...)
	if err != nil {
		return nil
	}
	defer other.Close()
	if err = exchange(other, "new"); err == nil {
		return errors.New("a new connection works")
	}
	if !tr.NoNotSent && !errors.Is(err, transport.ErrNotSent) {
		return fmt.Errorf("the error %q does not wrap transport.ErrNotSent", err)
	}
	return nil
}
