// Package transporttest checks that a transport does what package transport
// promises. The author of a transport runs it in a few lines:
//
//	func TestConformance(t *testing.T) {
//		transporttest.Run(t, transporttest.Harness{
//			New: func(t testing.TB, opts ...transport.Option) transport.Transport {
//				return quic.NewTransport(opts...)
//			},
//		})
//	}
//
// Each rule is a subtest of its own with a transport of its own. A rule that a
// transport cannot keep is declared in the Harness, so that the gap is seen.
package transporttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// Harness makes the transports to check and declares what they cannot do.
type Harness struct {
	// New returns a transport with the options, on top of what it needs to
	// reach itself. It is called once for each rule; what needs closing is
	// closed with t.Cleanup.
	New func(t testing.TB, opts ...transport.Option) transport.Transport
	// Addr is what to listen on; "" means "127.0.0.1:0".
	Addr string
	// DialOptions are added to every Dial.
	DialOptions []transport.DialOption
	// Patience is how long anything may take; 0 means 30s.
	Patience time.Duration

	// NoPairing: without WithStream, Recv does not wait for a Send.
	NoPairing bool
	// NoPush: the listening end can only answer, one reply to each message.
	NoPush bool
	// NoSizeLimit: MaxMessageSize and MaxHeaderSize are not applied.
	NoSizeLimit bool
	// NoBackpressure: Send does not wait for the other end to receive.
	NoBackpressure bool
	// NoTimeout: Options.Timeout is not applied.
	NoTimeout bool
	// NoDialContext: WithContext does not end a Dial.
	NoDialContext bool
	// NoNotSent: errors of Dial do not wrap transport.ErrNotSent.
	NoNotSent bool
	// NoDrain: listeners are no transport.Drainer.
	NoDrain bool
	// NoReuse: clients are no transport.Reuser.
	NoReuse bool
	// NoRecover: a panic in the accept function is not recovered.
	NoRecover bool
}

// Run checks every rule in a subtest of its name.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, r := range rules {
		t.Run(strings.ReplaceAll(r.sentence, " ", "_"), func(t *testing.T) {
			if r.unless != nil && r.unless(h) {
				t.Skip("the harness declares that the transport cannot do this")
			}
			if err := check(t, h, r); err != nil {
				t.Errorf("broken rule: %s: %v", r.sentence, err)
			}
		})
	}
}

// rule is one promise of a transport.
type rule struct {
	sentence string
	unless   func(Harness) bool // nil when every transport must keep it
	check    func(*trial) error
}

// check checks one rule on a fresh transport. What the trial opened is closed
// before it returns.
func check(t testing.TB, h Harness, r rule) (err error) {
	tr := &trial{Harness: h, t: t}
	defer func() { err = errors.Join(err, tr.end()) }()
	tr.transport = h.New(t)
	return r.check(tr)
}

// trial is what the check of one rule works with.
type trial struct {
	Harness
	t         testing.TB
	transport transport.Transport
	closers   []func() error
}

// end closes what was opened, the last first.
func (tr *trial) end() error {
	var errs []error
	for i := len(tr.closers) - 1; i >= 0; i-- {
		errs = append(errs, tr.within("closing what the rule opened", tr.closers[i]))
	}
	return errors.Join(errs...)
}

// listen serves fn.
func (tr *trial) listen(fn func(transport.Socket)) (*server, error) {
	addr := tr.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := tr.transport.Listen(addr)
	if err != nil {
		return nil, fmt.Errorf("Listen(%s): %w", addr, err)
	}
	s := &server{Listener: l, ended: make(chan error, 1)}
	go func() { s.ended <- l.Accept(fn) }()
	tr.closers = append(tr.closers, l.Close)
	return s, nil
}

// server is a listener whose Accept runs.
type server struct {
	transport.Listener
	ended chan error // what Accept returned
}

// dial connects to s.
func (tr *trial) dial(s *server, opts ...transport.DialOption) (transport.Client, error) {
	c, err := tr.transport.Dial(s.Addr(), append(opts, tr.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("Dial(%s): %w", s.Addr(), err)
	}
	tr.closers = append(tr.closers, c.Close)
	return c, nil
}

// connect serves fn and connects to it.
func (tr *trial) connect(fn func(transport.Socket), opts ...transport.DialOption) (transport.Client, *server, error) {
	s, err := tr.listen(fn)
	if err != nil {
		return nil, nil, err
	}
	c, err := tr.dial(s, opts...)
	return c, s, err
}

// meet connects and returns both ends. A connection may become known to the
// listening end only with its first message, so one is sent and received.
func (tr *trial) meet(opts ...transport.DialOption) (c transport.Client, s transport.Socket, l *server, err error) {
	accepted, release := make(chan transport.Socket, 1), make(chan struct{})
	c, l, err = tr.connect(func(s transport.Socket) {
		accepted <- s
		<-release
	}, opts...)
	tr.closers = append(tr.closers, func() error { close(release); return nil })
	if err != nil {
		return nil, nil, nil, err
	}
	err = tr.within("the first message", func() error {
		if err := c.Send(message("hello")); err != nil {
			return err
		}
		s = <-accepted
		return expect(s, "hello")
	})
	return c, s, l, err
}

// within runs fn and fails when it takes longer than Patience.
func (tr *trial) within(what string, fn func() error) error {
	limit := tr.limit()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: still going on after %v", what, limit)
	}
}

// limit is the Patience in force.
func (tr *trial) limit() time.Duration {
	if tr.Patience == 0 {
		return 30 * time.Second
	}
	return tr.Patience
}

// eventually polls until ok returns nil, and returns its last error.
func (tr *trial) eventually(ok func() error) error {
	limit := tr.limit()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// message returns a message with a body and one header.
func message(body string) *transport.Message {
	return &transport.Message{Header: map[string]string{"Micro-Id": "1"}, Body: []byte(body)}
}

// expect receives one message with the given body.
func expect(s transport.Socket, body string) error {
	var m transport.Message
	if err := s.Recv(&m); err != nil {
		return fmt.Errorf("Recv: %w", err)
	}
	if string(m.Body) != body {
		return fmt.Errorf("Recv: the body is %s, want %s", short(m.Body), short([]byte(body)))
	}
	return nil
}

// exchange sends a message to an echo and receives it back.
func exchange(c transport.Socket, body string) error {
	if err := c.Send(message(body)); err != nil {
		return fmt.Errorf("Send: %w", err)
	}
	return expect(c, body)
}

// echo answers every message with itself.
func echo(s transport.Socket) {
	for {
		var m transport.Message
		if s.Recv(&m) != nil || s.Send(&m) != nil {
			return
		}
	}
}

// short describes a body in a few characters.
func short(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%q... (%d bytes)", b[:40], len(b))
	}
	return fmt.Sprintf("%q", b)
}

// get finds a header whatever its spelling.
func get(h map[string]string, name string) (value string, spellings int) {
	for n, v := range h {
		if strings.EqualFold(n, name) {
			value = v
			spellings++
		}
	}
	return value, spellings
}
