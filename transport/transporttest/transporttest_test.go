package transporttest

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// broken is the memory transport with parts replaced.
type broken struct {
	transport.Transport
	socket func(transport.Socket) transport.Socket // wraps both ends
	client func(transport.Client) transport.Client // wraps the dialling end, after socket
	accept func(transport.Listener, func(transport.Socket)) error
	close  func(transport.Listener) error
	drain  func(transport.Listener) error
	dial   func(transport.Transport, string, []transport.DialOption) (transport.Client, error)
}

func (b *broken) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	dial := func() (transport.Client, error) { return b.Transport.Dial(addr, opts...) }
	if b.dial != nil {
		dial = func() (transport.Client, error) { return b.dial(b.Transport, addr, opts) }
	}
	c, err := dial()
	if err != nil {
		return nil, err
	}
	if b.socket != nil {
		c = reuser{b.socket(c), c.(transport.Reuser)}
	}
	if b.client != nil {
		c = b.client(c)
	}
	return c, nil
}

func (b *broken) Listen(addr string, opts ...transport.ListenOption) (transport.Listener, error) {
	l, err := b.Transport.Listen(addr, opts...)
	if err != nil {
		return nil, err
	}
	return &brokenListener{l, b}, nil
}

type reuser struct {
	transport.Socket
	transport.Reuser
}

type brokenListener struct {
	transport.Listener
	b *broken
}

func (l *brokenListener) Accept(fn func(transport.Socket)) error {
	wrapped := fn
	if l.b.socket != nil {
		wrapped = func(s transport.Socket) { fn(l.b.socket(s)) }
	}
	if l.b.accept != nil {
		return l.b.accept(l.Listener, wrapped)
	}
	return l.Listener.Accept(wrapped)
}

func (l *brokenListener) Close() error {
	if l.b.close != nil {
		return l.b.close(l.Listener)
	}
	return l.Listener.Close()
}

func (l *brokenListener) Drain() error {
	if l.b.drain != nil {
		return l.b.drain(l.Listener)
	}
	return l.Listener.(transport.Drainer).Drain()
}

// edited is a socket with methods replaced.
type edited struct {
	transport.Socket
	send  func(*transport.Message) error
	recv  func(*transport.Message) error
	close func() error
	local string
}

func (e *edited) Send(m *transport.Message) error {
	if e.send != nil {
		return e.send(m)
	}
	return e.Socket.Send(m)
}

func (e *edited) Recv(m *transport.Message) error {
	if e.recv != nil {
		return e.recv(m)
	}
	return e.Socket.Recv(m)
}

func (e *edited) Close() error {
	if e.close != nil {
		return e.close()
	}
	return e.Socket.Close()
}

func (e *edited) Local() string {
	if e.local != "" {
		return e.local
	}
	return e.Socket.Local()
}

// editing breaks both ends of every connection.
func editing(edit func(*edited)) func(*broken) {
	return func(b *broken) {
		b.socket = func(s transport.Socket) transport.Socket {
			e := &edited{Socket: s}
			edit(e)
			return e
		}
	}
}

// receiving breaks what Recv delivers.
func receiving(change func(*transport.Message)) func(*broken) {
	return editing(func(e *edited) {
		e.recv = func(m *transport.Message) error {
			if m == nil {
				return transport.ErrNilMessage
			}
			err := e.Socket.Recv(m)
			if err == nil {
				change(m)
			}
			return err
		}
	})
}

// sending breaks what Send sends.
func sending(change func(transport.Message) transport.Message) func(*broken) {
	return editing(func(e *edited) {
		e.send = func(m *transport.Message) error {
			if m == nil {
				return transport.ErrNilMessage
			}
			changed := change(transport.Message{Header: maps.Clone(m.Header), Body: slices.Clone(m.Body)})
			return e.Socket.Send(&changed)
		}
	})
}

// reusability breaks what Reusable says.
func reusability(says bool) func(*broken) {
	return func(b *broken) {
		b.client = func(c transport.Client) transport.Client { return reuser{c, constant(says)} }
	}
}

type constant bool

func (c constant) Reusable() bool { return bool(c) }

// breakages are deliberately broken transports and the rules that must fail on
// each. Others may fail as well.
var breakages = map[string]struct {
	rules string
	apply func(*broken)
}{
	"loses headers": {"a message arrives with its headers and its body", receiving(func(m *transport.Message) {
		m.Header = map[string]string{}
	})},
	"cuts at zero bytes": {"a body may hold any bytes", receiving(func(m *transport.Message) {
		if i := slices.Index(m.Body, 0); i >= 0 {
			m.Body = m.Body[:i]
		}
	})},
	"nil headers": {"a message may be empty", receiving(func(m *transport.Message) {
		if len(m.Header) == 0 {
			m.Header = nil
		}
	})},
	"drops messages without a body": {"a body may be empty", editing(func(e *edited) {
		e.send = func(m *transport.Message) error {
			if m != nil && len(m.Body) == 0 {
				return nil
			}
			return e.Socket.Send(m)
		}
	})},
	"cuts large bodies": {"a body may be of several megabytes", receiving(func(m *transport.Message) {
		m.Body = m.Body[:min(len(m.Body), 1<<20)]
	})},
	"two spellings": {"a header name is delivered in one spelling", receiving(func(m *transport.Message) {
		for name, value := range maps.Clone(m.Header) {
			m.Header[strings.ToLower(name)] = value
		}
	})},
	"header injection": {"a header value cannot forge another header", receiving(func(m *transport.Message) {
		for _, value := range maps.Clone(m.Header) {
			if _, forged, ok := strings.Cut(value, "  "); ok { // what is left of a line break
				name, v, _ := strings.Cut(forged, ": ")
				m.Header[name] = v
			}
		}
	})},
	"loses the first messages": {"what is sent before anybody receives arrives, in order from the first message", editing(func(e *edited) {
		var lost atomic.Bool
		e.recv = func(m *transport.Message) error {
			if m != nil && !lost.Swap(true) {
				if err := e.Socket.Recv(m); err != nil {
					return err
				}
			}
			return e.Socket.Recv(m)
		}
	})},
	"swaps messages": {"messages arrive in the order in which they were sent", editing(func(e *edited) {
		var mu sync.Mutex
		var held *transport.Message
		e.recv = func(m *transport.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if held != nil {
				*m, held = *held, nil
				return nil
			}
			var first transport.Message
			if err := e.Socket.Recv(&first); err != nil || string(first.Body) != "10" {
				*m = first
				return err
			}
			held = &first
			return e.Socket.Recv(m)
		}
	})},
	"mixes concurrent sends": {"concurrent Sends of the dialling end arrive whole; concurrent Sends of the listening end arrive whole", sending(func(m transport.Message) transport.Message {
		if strings.HasPrefix(string(m.Body), "7 ") {
			m.Body = append(m.Body, "of another"...)
		}
		return m
	})},
	"delivers to anybody": {"connections do not see each other's messages", receiving(func(m *transport.Message) {
		if string(m.Body) == "3-7" {
			m.Body = []byte("4-7")
		}
	})},
	"Recv adds to the map": {"Recv replaces what the message held", editing(func(e *edited) {
		e.recv = func(m *transport.Message) error {
			if m == nil {
				return transport.ErrNilMessage
			}
			old := m.Header
			err := e.Socket.Recv(m)
			if err == nil && old != nil {
				maps.Copy(old, m.Header)
				m.Header = old
			}
			return err
		}
	})},
	"Recv reuses its buffer": {"what Recv delivered is not touched by the next Recv", editing(func(e *edited) {
		buffer := make([]byte, 8<<20)
		e.recv = func(m *transport.Message) error {
			if m == nil {
				return transport.ErrNilMessage
			}
			err := e.Socket.Recv(m)
			m.Body = buffer[:copy(buffer, m.Body)]
			return err
		}
	})},
	"Send keeps the message": {"Send keeps nothing of its message", editing(func(e *edited) {
		var mu sync.Mutex
		var kept []*transport.Message
		e.send = func(m *transport.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if m == nil {
				return transport.ErrNilMessage
			}
			kept = append(kept, m)
			return e.Socket.Send(&transport.Message{})
		}
		e.recv = func(m *transport.Message) error {
			if m == nil {
				return transport.ErrNilMessage
			}
			err := e.Socket.Recv(m)
			if err == nil && len(m.Body) == 0 {
				*m = transport.Message{Header: map[string]string{"Micro-Late": "late"}, Body: []byte("hello")}
			}
			return err
		}
	})},
	"takes nil": {"a nil message is refused", editing(func(e *edited) {
		e.send = func(m *transport.Message) error {
			if m == nil {
				return nil
			}
			return e.Socket.Send(m)
		}
	})},
	"wrong address": {"both ends know their addresses", editing(func(e *edited) { e.local = "elsewhere" })},
	"io.EOF hidden": {"Close unblocks a pending Recv with io.EOF; Close unblocks a pending Recv of a stream with io.EOF; after Close both Send and Recv return io.EOF", editing(func(e *edited) {
		e.recv = func(m *transport.Message) error {
			if err := e.Socket.Recv(m); err != nil {
				return errors.New("closed")
			}
			return nil
		}
	})},
	"Close waits for Recv": {"a pending Recv holds up neither Send nor Close", editing(func(e *edited) {
		var mu sync.Mutex
		e.recv = func(m *transport.Message) error {
			mu.Lock()
			defer mu.Unlock()
			return e.Socket.Recv(m)
		}
		e.send = func(m *transport.Message) error {
			mu.Lock()
			defer mu.Unlock()
			return e.Socket.Send(m)
		}
		e.close = func() error {
			for range 200 { // give up, so that the test ends
				if mu.TryLock() {
					defer mu.Unlock()
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			return e.Socket.Close()
		}
	})},
	"Send hides io.EOF": {"Close unblocks a pending Send", editing(func(e *edited) {
		e.send = func(m *transport.Message) error {
			if err := e.Socket.Send(m); err != nil {
				return errors.New("closed")
			}
			return nil
		}
	})},
	"Close fails the second time": {"Close may be called again and from several goroutines", editing(func(e *edited) {
		var once sync.Once
		e.close = func() error {
			err := io.ErrClosedPipe
			once.Do(func() { err = e.Socket.Close() })
			return err
		}
	})},
	"Close loses what was sent": {"when the dialling end closes, the other receives what was sent and then io.EOF; when the listening end closes, the other receives what was sent and then io.EOF", sending(func(m transport.Message) transport.Message {
		if string(m.Body) == "two" {
			m.Body = nil
		}
		return m
	})},
	"sockets outlive their function": {"the socket is closed when the accept function returns", func(b *broken) {
		b.accept = func(l transport.Listener, fn func(transport.Socket)) error {
			return l.Accept(func(s transport.Socket) {
				fn(s)
				var m transport.Message
				for s.Recv(&m) == nil {
				}
			})
		}
	}},
	"a panic ends the listener": {"a panic in the accept function ends its socket alone", func(b *broken) {
		b.accept = func(l transport.Listener, fn func(transport.Socket)) error {
			return l.Accept(func(s transport.Socket) {
				defer func() {
					if recover() != nil {
						go l.Close()
						var m transport.Message
						for s.Recv(&m) == nil {
						}
					}
				}()
				fn(s)
			})
		}
	}},
	"Accept fails at the end": {"Listener Close makes Accept return nil", func(b *broken) {
		b.accept = func(l transport.Listener, fn func(transport.Socket)) error {
			l.Accept(fn)
			return io.ErrClosedPipe
		}
	}},
	"Close of a listener does nothing": {"Listener Close ends its sockets; Listener Close waits for the accept functions; Listener Close frees the address", func(b *broken) {
		var mu sync.Mutex
		closed := map[transport.Listener]bool{}
		b.close = func(l transport.Listener) error { // the second Close works, so that nothing leaks
			mu.Lock()
			defer mu.Unlock()
			if closed[l] {
				return l.Close()
			}
			closed[l] = true
			return nil
		}
	}},
	"a listener closes once": {"Listener Close may be called again and from several goroutines", func(b *broken) {
		var once sync.Once
		b.close = func(l transport.Listener) error {
			err := io.ErrClosedPipe
			once.Do(func() { err = l.Close() })
			return err
		}
	}},
	"dial errors are bare": {"a Dial that fails has sent nothing; a Dial ends with its context", func(b *broken) {
		b.dial = func(t transport.Transport, addr string, opts []transport.DialOption) (transport.Client, error) {
			c, err := t.Dial(addr, opts...)
			if err != nil {
				return nil, errors.New(err.Error())
			}
			return c, nil
		}
	}},
	"drain does nothing": {"Drain refuses connections and keeps the open ones working; a connection is not reusable after a reply of a draining listener", func(b *broken) {
		b.drain = func(transport.Listener) error { return nil }
	}},
	"always reusable": {"a connection is not reusable with a reply outstanding; a connection is not reusable after either end has closed it", reusability(true)},
	"never reusable":  {"a connection is reusable between exchanges", reusability(false)},
}

func TestBrokenTransportsFailByTheRightRule(t *testing.T) {
	for name, breakage := range breakages {
		for sentence := range strings.SplitSeq(breakage.rules, "; ") {
			t.Run(name+"/"+sentence, func(t *testing.T) {
				t.Parallel()
				i := slices.IndexFunc(rules, func(r rule) bool { return r.sentence == sentence })
				if i < 0 {
					t.Fatalf("no such rule")
				}
				h := Harness{Patience: 500 * time.Millisecond, New: memory(breakage.apply)}
				if err := check(t, h, rules[i]); err == nil {
					t.Error("the rule does not fail")
				}
			})
		}
	}
}

func TestAnUnbrokenTransportPasses(t *testing.T) {
	Run(t, Harness{NoPairing: true, New: memory(editing(func(*edited) {}))})
}

// memory makes memory transports with one part broken.
func memory(apply func(*broken)) func(testing.TB, ...transport.Option) transport.Transport {
	return func(_ testing.TB, opts ...transport.Option) transport.Transport {
		opts = append(opts, transport.Logger(logger.NewLogger(logger.WithOutput(io.Discard))))
		b := &broken{Transport: transport.NewMemoryTransport(opts...)}
		apply(b)
		return b
	}
}
