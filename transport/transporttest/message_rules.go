package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/transport"
)

// rules are the promises of a transport.
var rules = slices.Concat(messageRules, closeRules, listenRules, limitRules)

var messageRules = []rule{
	{"a message arrives with its headers and its body", nil, func(tr *trial) error {
		return tr.carries(&transport.Message{
			Header: map[string]string{
				"Content-Type": "application/protobuf", "Micro-Service": "greeter", "Micro-Error": `{"detail":"größer, 100%"}`,
				"X-Custom": "v", "Timeout": "30000000000",
			},
			Body: []byte("a body"),
		})
	}},
	{"a body may hold any bytes", nil, func(tr *trial) error {
		body := make([]byte, 0, 512)
		for i := range 512 {
			body = append(body, byte(i))
		}
		return tr.carries(&transport.Message{Body: append(body, "\r\n\r\n0\r\n\r\n"...)})
	}},
	{"a body may be empty", nil, func(tr *trial) error {
		return tr.carries(&transport.Message{Header: map[string]string{"Micro-Error": "EOS"}})
	}},
	{"a message may be empty", nil, func(tr *trial) error {
		return tr.carries(&transport.Message{})
	}},
	{"a body may be of several megabytes", nil, func(tr *trial) error {
		return tr.carries(&transport.Message{Body: bytes.Repeat([]byte("0123456789abcdef"), 5<<16)})
	}},
	{"a header name is delivered in one spelling", nil, func(tr *trial) error {
		c, _, err := tr.connect(echo)
		if err != nil {
			return err
		}
		if err := c.Send(&transport.Message{Header: map[string]string{"Micro-ID": "7", "micro-trace-id": "t"}}); err != nil {
			return err
		}
		var m transport.Message
		if err := c.Recv(&m); err != nil {
			return err
		}
		for name, want := range map[string]string{"Micro-Id": "7", "Micro-Trace-Id": "t"} {
			if v, n := get(m.Header, name); v != want || n != 1 {
				return fmt.Errorf("%s arrived as %q in %d spellings, want %q in one", name, v, n, want)
			}
		}
		return nil
	}},
	{"a header value cannot forge another header", nil, func(tr *trial) error {
		c, _, err := tr.connect(echo)
		if err != nil {
			return err
		}
		h := map[string]string{"Micro-Error": "a\r\nForged: yes\r\n\r\nb", "Forged-Name: yes\r\nX": "v"}
		if err := c.Send(&transport.Message{Header: h, Body: []byte("body")}); err != nil {
			return err
		}
		var m transport.Message
		if err := c.Recv(&m); err != nil {
			return err
		}
		for _, name := range []string{"Forged", "Forged-Name"} {
			if _, n := get(m.Header, name); n > 0 {
				return fmt.Errorf("the header %s arrived", name)
			}
		}
		if string(m.Body) != "body" {
			return fmt.Errorf("the body arrived as %s", short(m.Body))
		}
		return nil
	}},
	{"messages arrive in the order in which they were sent", nil, func(tr *trial) error {
		const messages = 300
		c, _, err := tr.connect(echo)
		if err != nil {
			return err
		}
		return tr.within("exchanging messages", func() error {
			sent := make(chan error, 1)
			go func() {
				for i := range messages {
					if err := c.Send(message(fmt.Sprint(i))); err != nil {
						sent <- err
						return
					}
				}
				sent <- nil
			}()
			for i := range messages {
				if err := expect(c, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return <-sent
		})
	}},
	{"the listening end may send without being asked", func(h Harness) bool { return h.NoPush }, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("receiving what was not asked for", func() error {
			for i := range 10 {
				if err := s.Send(message(fmt.Sprint(i))); err != nil {
					return err
				}
			}
			for i := range 10 {
				if err := expect(c, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"the dialling end may send without waiting for replies", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("sending ahead", func() error {
			for i := range 10 {
				if err := c.Send(message(fmt.Sprint(i))); err != nil {
					return err
				}
			}
			for i := range 10 {
				if err := expect(s, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{"what is sent before anybody receives arrives, in order from the first message", nil, func(tr *trial) error {
		begin := make(chan struct{})
		received := make(chan error, 1)
		c, _, err := tr.connect(func(s transport.Socket) {
			<-begin
			for i := range 20 {
				if err := expect(s, fmt.Sprint(i)); err != nil {
					received <- err
					return
				}
			}
			received <- nil
		}, transport.WithStream())
		if err != nil {
			close(begin)
			return err
		}
		return tr.within("the first messages", func() error {
			for i := range 20 {
				if err := c.Send(message(fmt.Sprint(i))); err != nil {
					close(begin)
					return err
				}
			}
			close(begin)
			return <-received
		})
	}},
	{"without WithStream a Recv waits for a Send of its own", func(h Harness) bool { return h.NoPairing || h.NoPush }, func(tr *trial) error {
		c, s, _, err := tr.meet()
		if err != nil {
			return err
		}
		return tr.within("pairing", func() error {
			if err := errors.Join(s.Send(message("reply")), expect(c, "reply"), s.Send(message("unasked"))); err != nil {
				return err
			}
			received := make(chan error, 1)
			go func() { received <- expect(c, "unasked") }()
			select {
			case err := <-received:
				return fmt.Errorf("Recv returned before the Send: %v", err)
			default:
			}
			return errors.Join(c.Send(message("ask")), <-received)
		})
	}},
	{"concurrent Sends of the dialling end arrive whole", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("concurrent sends", func() error { return crowd(c, s) })
	}},
	{"concurrent Sends of the listening end arrive whole", func(h Harness) bool { return h.NoPush }, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		return tr.within("concurrent sends", func() error { return crowd(s, c) })
	}},
	{"connections do not see each other's messages", nil, func(tr *trial) error {
		s, err := tr.listen(echo)
		if err != nil {
			return err
		}
		return tr.within("several connections", func() error {
			errs := make([]error, 8)
			var all sync.WaitGroup
			for i := range errs {
				c, err := tr.dial(s)
				if err != nil {
					return err
				}
				all.Go(func() {
					for n := range 20 {
						errs[i] = errors.Join(errs[i], exchange(c, fmt.Sprintf("%d-%d", i, n)))
					}
				})
			}
			all.Wait()
			return errors.Join(errs...)
		})
	}},
	{"Send keeps nothing of its message", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		m := message("first")
		if err := c.Send(m); err != nil {
			return err
		}
		m.Header["Micro-Id"], m.Header["Micro-Late"] = "changed", "late"
		copy(m.Body, "XXXXX")
		var got transport.Message
		if err := s.Recv(&got); err != nil {
			return err
		}
		if id, _ := get(got.Header, "Micro-Id"); id != "1" || len(got.Header["Micro-Late"]) > 0 || string(got.Body) != "first" {
			return fmt.Errorf("what the sender changed after Send arrived: %v %s", got.Header, short(got.Body))
		}
		return nil
	}},
	{"Recv replaces what the message held", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		if err := c.Send(message("new")); err != nil {
			return err
		}
		old := map[string]string{"Old": "old"}
		m := transport.Message{Header: old, Body: []byte("old and longer")}
		if err := s.Recv(&m); err != nil {
			return err
		}
		if m.Header["Old"] != "" || string(m.Body) != "new" || len(old) != 1 {
			return fmt.Errorf("the message holds %v %s after Recv, its former map %v", m.Header, short(m.Body), old)
		}
		return nil
	}},
	{"what Recv delivered is not touched by the next Recv", nil, func(tr *trial) error {
		c, s, _, err := tr.meet(transport.WithStream())
		if err != nil {
			return err
		}
		if err := errors.Join(c.Send(message("first")), c.Send(message("other"))); err != nil {
			return err
		}
		var first, other transport.Message
		if err := errors.Join(s.Recv(&first), s.Recv(&other)); err != nil {
			return err
		}
		other.Header["Micro-Id"] = "2"
		if id, _ := get(first.Header, "Micro-Id"); id != "1" || string(first.Body) != "first" {
			return fmt.Errorf("the first message is %v %s after the second", first.Header, short(first.Body))
		}
		return nil
	}},
	{"a nil message is refused", nil, func(tr *trial) error {
		c, s, _, err := tr.meet()
		if err != nil {
			return err
		}
		return tr.within("nil messages", func() error {
			for _, err := range []error{c.Send(nil), c.Recv(nil), s.Send(nil), s.Recv(nil)} {
				if err == nil || errors.Is(err, io.EOF) {
					return fmt.Errorf("the error is %v, want one about the nil message", err)
				}
			}
			return nil
		})
	}},
	{"both ends know their addresses", nil, func(tr *trial) error {
		c, s, l, err := tr.meet()
		if err != nil {
			return err
		}
		if c.Local() == "" || s.Remote() == "" {
			return fmt.Errorf("Local of the client is %q, Remote of the socket %q", c.Local(), s.Remote())
		}
		if s.Local() != l.Addr() || c.Remote() == "" {
			return fmt.Errorf("Local of the socket is %q, Remote of the client %q, Addr of the listener %q", s.Local(), c.Remote(), l.Addr())
		}
		return nil
	}},
}

// carries sends m both ways and compares.
func (tr *trial) carries(m *transport.Message) error {
	c, _, err := tr.connect(echo)
	if err != nil {
		return err
	}
	return tr.within("an exchange", func() error {
		if err := c.Send(m); err != nil {
			return fmt.Errorf("Send: %w", err)
		}
		var got transport.Message
		if err := c.Recv(&got); err != nil {
			return fmt.Errorf("Recv: %w", err)
		}
		if got.Header == nil {
			return errors.New("the header is nil")
		}
		for name, want := range m.Header {
			if v, _ := get(got.Header, name); v != want {
				return fmt.Errorf("%s arrived as %q, want %q", name, v, want)
			}
		}
		if !bytes.Equal(got.Body, m.Body) {
			return fmt.Errorf("the body arrived as %s, want %s", short(got.Body), short(m.Body))
		}
		return nil
	})
}

// crowd sends from several goroutines and checks that every message arrives
// once, whole, and in its sender's order.
func crowd(from, to transport.Socket) error {
	const senders, messages = 8, 25
	errs := make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			padding := strings.Repeat(string(rune('a'+i)), 100*(i+1))
			for n := range messages {
				m := &transport.Message{Header: map[string]string{"Micro-Id": fmt.Sprint(i)}, Body: fmt.Appendf(nil, "%d %s", n, padding)}
				if err := from.Send(m); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	defer all.Wait()
	next := [senders]int{}
	for range senders * messages {
		var m transport.Message
		if err := to.Recv(&m); err != nil {
			return fmt.Errorf("Recv: %w", err)
		}
		var sender int
		id, _ := get(m.Header, "Micro-Id")
		if _, err := fmt.Sscan(id, &sender); err != nil || sender < 0 || sender >= senders {
			return fmt.Errorf("the sender is %q", id)
		}
		want := fmt.Sprintf("%d %s", next[sender], strings.Repeat(string(rune('a'+sender)), 100*(sender+1)))
		if string(m.Body) != want {
			return fmt.Errorf("the body is %s, want %s", short(m.Body), short([]byte(want)))
		}
		next[sender]++
	}
	all.Wait()
	return errors.Join(errs...)
}
