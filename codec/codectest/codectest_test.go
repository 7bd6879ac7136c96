package codectest

import (
	"bytes"
	stdjson "encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/codec/jsonrpc"
)

// good is the harness of a codec that keeps every rule.
func good() Harness {
	return Harness{
		New:    jsonrpc.NewCodec,
		Value:  func(i int) any { return map[string]any{"number": float64(i)} },
		Target: func() any { return new(map[string]any) },
		Equal:  equal,
	}
}

func brokenRules(h Harness) []string {
	var names []string
	for _, r := range rules {
		if r.skipped(h) == "" && r.broken(h) != nil {
			names = append(names, r.name)
		}
	}
	return names
}

func TestGoodCodecBreaksNoRule(t *testing.T) {
	if names := brokenRules(good()); len(names) > 0 {
		t.Errorf("breaks %v", names)
	}
}

// broken is a codec with one fault.
type broken struct {
	codec.Codec
	conn io.ReadWriteCloser

	name      func() string
	readBody  func(v any) error
	readHead  func(m *codec.Message, t codec.MessageType) error
	write     func(m *codec.Message, v any) error
	close     func() error
	resetFunc func(rwc io.ReadWriteCloser)
}

func (b *broken) String() string {
	if b.name != nil {
		return b.name()
	}
	return b.Codec.String()
}

func (b *broken) ReadHeader(m *codec.Message, t codec.MessageType) error {
	if b.readHead != nil {
		return b.readHead(m, t)
	}
	return b.Codec.ReadHeader(m, t)
}

func (b *broken) ReadBody(v any) error {
	if b.readBody != nil {
		return b.readBody(v)
	}
	return b.Codec.ReadBody(v)
}

func (b *broken) Write(m *codec.Message, v any) error {
	if b.write != nil {
		return b.write(m, v)
	}
	return b.Codec.Write(m, v)
}

func (b *broken) Close() error {
	if b.close != nil {
		return b.close()
	}
	return b.Codec.Close()
}

func (b *broken) Reset(rwc io.ReadWriteCloser) {
	if b.resetFunc != nil {
		b.resetFunc(rwc)
		return
	}
	b.Codec.(codec.Resetter).Reset(rwc)
	b.conn = rwc
}

// aliasing keeps a body in the memory that the stream lent.
type aliasing struct {
	codec.Codec
	conn io.ReadWriteCloser
}

func (a *aliasing) ReadBody(v any) error {
	target, ok := v.(*[]byte)
	if b, lent := a.conn.(codec.Buffered); lent && ok {
		*target = b.Next(len(b.Bytes()))
		return nil
	}
	return a.Codec.ReadBody(v)
}

func TestBrokenCodecsFailByTheRightRule(t *testing.T) {
	writes, names := 0, 0
	faults := map[string]func(b *broken){
		"name": func(b *broken) {
			b.name = func() string { names++; return strings.Repeat("x", names) }
		},
		"round trip": func(b *broken) { b.readBody = func(any) error { return nil } },
		"same bytes": func(b *broken) {
			b.write = func(m *codec.Message, v any) error {
				writes++
				_, _ = b.conn.Write([]byte(strings.Repeat(" ", writes)))
				return b.Codec.Write(m, v)
			}
		},
		"in memory": func(b *broken) {
			b.write = func(m *codec.Message, v any) error {
				if _, lent := b.conn.(codec.Appender); lent {
					_, _ = b.conn.Write([]byte(" "))
				}
				return b.Codec.Write(m, v)
			}
		},
		"order": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				_, _ = io.Copy(io.Discard, b.conn)
				return err
			}
		},
		"unchanged": func(b *broken) {
			b.write = func(m *codec.Message, v any) error {
				err := b.Codec.Write(m, v)
				if value, ok := v.(map[string]any); ok {
					delete(value, "number")
				}
				return err
			}
		},
		"nil": func(b *broken) {
			b.readBody = func(v any) error {
				if v == nil {
					return codec.ErrInvalidMessage
				}
				return b.Codec.ReadBody(v)
			}
		},
		"invalid": func(b *broken) {
			b.write = func(m *codec.Message, v any) error {
				if _, ok := v.(chan int); ok {
					return nil
				}
				return b.Codec.Write(m, v)
			}
		},
		"invalid target": func(b *broken) {
			b.readBody = func(v any) error {
				if _, ok := v.(*chan int); ok {
					return nil
				}
				return b.Codec.ReadBody(v)
			}
		},
		"cut short": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				if err := b.Codec.ReadHeader(m, t); err != io.ErrUnexpectedEOF {
					return err
				}
				return nil
			}
		},
		"garbage": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				if _, syntax := err.(*stdjson.SyntaxError); syntax {
					panic("syntax")
				}
				return err
			}
		},
		"failing write": func(b *broken) {
			b.write = func(m *codec.Message, v any) error {
				err := b.Codec.Write(m, v)
				if err == errStream {
					return nil
				}
				return err
			}
		},
		"failing read": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				if err == errStream {
					return io.ErrUnexpectedEOF
				}
				return err
			}
		},
		"close": func(b *broken) { b.close = func() error { return nil } },
		"reset": func(b *broken) { b.resetFunc = func(io.ReadWriteCloser) {} },
		"id": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				m.Id = ""
				return err
			}
		},
		"method": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				m.Method, m.Endpoint = "", ""
				return err
			}
		},
		"error text": func(b *broken) {
			b.readHead = func(m *codec.Message, t codec.MessageType) error {
				err := b.Codec.ReadHeader(m, t)
				m.Error = ""
				return err
			}
		},
	}
	// The other rules that a fault breaks as well.
	also := map[string]string{"nil": "error text", "round trip": "order,owned,invalid target,both ways,reset", "same bytes": "in memory,order,invalid,reset"}
	for rule, fault := range faults {
		t.Run(rule, func(t *testing.T) {
			writes, names = 0, 0
			h := good()
			h.New = func(rwc io.ReadWriteCloser) codec.Codec {
				b := &broken{Codec: jsonrpc.NewCodec(rwc), conn: rwc}
				fault(b)
				return b
			}
			found := false
			for _, name := range brokenRules(h) {
				if name == rule {
					found = true
				} else if !strings.Contains(also[rule], name) {
					t.Errorf("it also breaks %q", name)
				}
			}
			if !found {
				t.Error("the rule does not notice")
			}
		})
	}
}

func TestAliasedBodyIsNoticed(t *testing.T) {
	h := Harness{
		New: func(rwc io.ReadWriteCloser) codec.Codec {
			return &aliasing{json.NewCodec(rwc), rwc}
		},
		Value:  func(i int) any { return []byte{1, 2, 3, 4, 5, 6, 7, byte(i)} },
		Target: func() any { return new([]byte) },
		// The aliasing codec leaves the JSON undecoded, which is not the
		// point here.
		Equal: func(_, read any) bool { return !bytes.HasPrefix(*read.(*[]byte), []byte("!!")) },
	}
	for _, r := range rules {
		if r.name == "owned" && r.broken(h) == nil {
			t.Error("the rule does not notice")
		}
	}
}

func TestRunSkipsDeclaredGaps(t *testing.T) {
	h := good()
	h.New = func(rwc io.ReadWriteCloser) codec.Codec { return struct{ codec.Codec }{jsonrpc.NewCodec(rwc)} }
	if names := brokenRules(h); len(names) != 1 || names[0] != "reset" {
		t.Errorf("without Reset it breaks %v", names)
	}
	h.NoReset = true
	if names := brokenRules(h); len(names) > 0 {
		t.Errorf("with NoReset declared it breaks %v", names)
	}
}

// badMarshaler returns the same memory again and again, and keeps what it is
// given.
type badMarshaler struct {
	json.Marshaler
	pool [64]byte
}

func (m *badMarshaler) Marshal(v any) ([]byte, error) {
	data, err := m.Marshaler.Marshal(v)
	return m.pool[:copy(m.pool[:], data)], err
}

func TestPooledMemoryOfAMarshalerIsNoticed(t *testing.T) {
	h := good()
	for _, r := range marshalerRules(new(badMarshaler)) {
		if r.name == "owned bytes" && r.broken(h) == nil {
			t.Error("the rule does not notice")
		}
	}
	for _, r := range marshalerRules(json.Marshaler{}) {
		if err := r.broken(h); err != nil {
			t.Errorf("%s: %v", r.sentence, err)
		}
	}
}
