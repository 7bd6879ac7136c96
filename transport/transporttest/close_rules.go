package transporttest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// settle is long enough for a goroutine to be waiting in a call. Rules that use
// it are kept by a correct transport however short it is.
const settle = 20 * time.Millisecond

var closeRules = []rule{
	{"Close unblocks a pending Recv with io.EOF", nil, func(tr *trial) error {
		c, s, _, err := tr.meet()
		if err != nil {
			return err
		}
		return errors.Join(tr.unblocks("the dialling end", c), tr.unblocks("the listening end", s))
	}},
	{"Close unblocks a pending Recv of a stream with io.EOF", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return errors.Join(tr.unblocks("the dialling end", c), tr.unblocks("the listening end", s))
	}},
	{"Close unblocks a pending Send", nil, func(tr *trial) error {
		c, _, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("closing during Send", func() error {
			sent := make(chan error, 1)
			go func() { // nobody receives, so this blocks in the end
				m := &transport.Message{Body: make([]byte, 1<<20)}
				for {
					if err := c.Send(m); err != nil {
						sent <- err
						return
					}
				}
			}()
			time.Sleep(settle)
			if err := c.Close(); err != nil {
				return err
			}
			if err := <-sent; err != io.EOF {
				return fmt.Errorf("Send returns %v, want io.EOF", err)
			}
			return nil
		})
	}},
	{"a pending Recv holds up neither Send nor Close", nil, func(tr *trial) error {
		c, _, err := tr.connect(echo, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("sending during Recv", func() error {
			received := make(chan error, 1)
			go func() { received <- expect(c, "late") }()
			time.Sleep(settle)
			return errors.Join(c.Send(message("late")), <-received, c.Close())
		})
	}},
	{"after Close both Send and Recv return io.EOF", nil, func(tr *trial) error {
		c, s, _, err := tr.meet()
		if err != nil {
			return err
		}
		return tr.within("using closed sockets", func() error {
			for _, end := range []transport.Socket{c, s} {
				end.Close()
				var m transport.Message
				if err := end.Send(message("x")); err != io.EOF {
					return fmt.Errorf("Send returns %v, want io.EOF", err)
				}
				if err := end.Recv(&m); err != io.EOF {
					return fmt.Errorf("Recv returns %v, want io.EOF", err)
				}
			}
			return nil
		})
	}},
	{"Close may be called again and from several goroutines", nil, func(tr *trial) error {
		c, s, _, err := tr.meet()
		if err != nil {
			return err
		}
		return tr.within("closing", func() error {
			var all sync.WaitGroup
			errs := make([]error, 6)
			for i := range errs {
				all.Go(func() { errs[i] = []func() error{c.Close, s.Close}[i%2]() })
			}
			all.Wait()
			return errors.Join(errors.Join(errs...), c.Close(), s.Close())
		})
	}},
	{"when the dialling end closes, the other receives what was sent and then io.EOF", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.ends(c, s)
	}},
	{"when the listening end closes, the other receives what was sent and then io.EOF", func(h Harness) bool { return h.NoPush }, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.ends(s, c)
	}},
	{"the socket is closed when the accept function returns", nil, func(tr *trial) error {
		c, _, err := tr.connect(func(s transport.Socket) { expect(s, "hello") }, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("waiting for the end", func() error {
			if err := c.Send(message("hello")); err != nil {
				return err
			}
			return atEnd(c)
		})
	}},
	{"a panic in the accept function ends its socket alone", func(h Harness) bool { return h.NoRecover }, func(tr *trial) error {
		s, err := tr.listen(func(s transport.Socket) {
			var m transport.Message
			for s.Recv(&m) == nil {
				if string(m.Body) == "panic" {
					panic("asked for by the test")
				}
				if s.Send(&m) != nil {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		other, err := tr.dial(s)
		if err != nil {
			return err
		}
		c, err := tr.dial(s, transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("a panic", func() error {
			if err := errors.Join(exchange(other, "before"), c.Send(message("panic"))); err != nil {
				return err
			}
			return errors.Join(atEnd(c), exchange(other, "after"))
		})
	}},
}

// unblocks closes s while a Recv on it waits.
func (tr *trial) unblocks(which string, s transport.Socket) error {
	return tr.within("closing "+which+" during Recv", func() error {
		received := make(chan error, 1)
		go func() {
			var m transport.Message
			received <- s.Recv(&m)
		}()
		time.Sleep(settle)
		if err := s.Close(); err != nil {
			return err
		}
		if err := <-received; err != io.EOF {
			return fmt.Errorf("Recv returns %v, want io.EOF", err)
		}
		return nil
	})
}

// ends sends from one end, closes it, and expects all of that at the other.
func (tr *trial) ends(from, to transport.Socket) error {
	return tr.within("closing the other end", func() error {
		if err := errors.Join(from.Send(message("one")), from.Send(message("two")), from.Close()); err != nil {
			return err
		}
		return errors.Join(expect(to, "one"), expect(to, "two"), atEnd(to))
	})
}

// atEnd expects io.EOF.
func atEnd(s transport.Socket) error {
	var m transport.Message
	if err := s.Recv(&m); err != io.EOF {
		return fmt.Errorf("Recv returns %v, want io.EOF", err)
	}
	return nil
}
