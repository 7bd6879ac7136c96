package mux_test

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// with is h with one header more, or another value of it.
func with(h map[string]string, name, value string) map[string]string {
	h = maps.Clone(h)
	h[name] = value
	return h
}

func sendHeader(t testing.TB, s *mux.Socket, h map[string]string) {
	t.Helper()
	if err := s.Send(&mux.Message{Header: h}, 0); err != nil {
		t.Fatal(err)
	}
}

// expectWire reads what is expected to be sent.
func expectWire(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("sent %q, error %v, want %q", got, err, want)
	}
}

// withoutCredit reads frames and leaves out those that return credit, whose
// time is not the test's to say.
type withoutCredit struct {
	r    io.Reader
	rest []byte // of a frame that is being read
}

func (w *withoutCredit) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		frame := make([]byte, 8)
		if _, err := io.ReadFull(w.r, frame); err != nil {
			return 0, err
		}
		payload := make([]byte, int(frame[2])<<8+int(frame[3]))
		if _, err := io.ReadFull(w.r, payload); err != nil {
			return 0, err
		}
		if frame[0] != mux.KindWindow {
			w.rest = append(frame, payload...)
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func TestHeadersThatRepeatAreNotSentAgain(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	b.SetDeadline(time.Now().Add(testkit.Patience))
	s := open(t, dial(t, a, mux.Config{}))
	large := map[string]string{"Micro-Service": strings.Repeat("v", mux.MaxBase-2)}

	sendHeader(t, s, callHeader)
	head := make([]byte, 14)
	if _, err := io.ReadFull(b, head); err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, b, int64(head[2])<<8+int64(head[3])-6)
	for _, step := range []struct {
		name   string
		header map[string]string
		want   string
	}{
		{"same", callHeader, repeating(1, "")},
		{"same in another map", maps.Clone(callHeader), repeating(1, "")},
		{"another value", with(callHeader, "Micro-ID", "6"), repeating(1, "\x04\x016")},
		{"the first value", callHeader, repeating(1, "")},
		{"none", nil, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(0, 0, ""))},
		{"after none", callHeader, repeating(1, "")},
		{"large", large, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(mux.MaxBase+1, 0, largeBlock))},
		{"after large", callHeader, repeating(1, "")},
		{"mostly others", map[string]string{"Timeout": "1"}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(3, 0, "\x0f\x011"))},
		{"of the others", map[string]string{"Timeout": "1"}, repeating(1, "")},
		{"respelled", map[string]string{"timeout": "1"}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(3, 0, "\x0f\x011"))},
		{"after respelled", map[string]string{"Timeout": "1"}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(3, 0, "\x0f\x011"))},
	} {
		t.Run(step.name, func(t *testing.T) {
			sendHeader(t, s, step.header)
			expectWire(t, b, step.want)
		})
	}
}

func TestFieldsThatRepeatAreNotSentAgain(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	b.SetDeadline(time.Now().Add(testkit.Patience))
	s := open(t, dial(t, a, mux.Config{}))
	service, id, custom := mux.Field{Name: "Micro-Service", Value: "s"}, mux.Field{Name: "Micro-ID", Value: "5"}, mux.Field{Name: "X-Custom", Value: "long enough"}
	block := "\x01\x01s\x04\x015\x00\x08X-Custom\x0blong enough"
	for i, step := range []struct {
		name   string
		fields []mux.Field
		want   string
	}{
		{"first", []mux.Field{service, id, custom}, mux.Frame(mux.KindMessage, mux.FlagBegin|mux.FlagOpen, 1, begin(len(block), 0, block))},
		{"same", []mux.Field{service, id, custom}, repeating(1, "")},
		{"another value", []mux.Field{service, {Name: "Micro-Id", Value: "6"}, custom}, repeating(1, "\x04\x016")},
		{"another order", []mux.Field{id, service, custom}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(len(block), 0, "\x04\x015\x01\x01s"+block[6:]))},
		{"one less", []mux.Field{id, service}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(6, 0, "\x04\x015\x01\x01s"))},
		{"respelled", []mux.Field{{Name: "micro-id", Value: "5"}, service}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(6, 0, "\x04\x015\x01\x01s"))},
		{"after respelled", []mux.Field{id, service}, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(6, 0, "\x04\x015\x01\x01s"))},
		{"as a map", nil, repeating(1, "")},
	} {
		if i == 7 {
			sendHeader(t, s, map[string]string{"Micro-ID": "5", "Micro-Service": "s"})
		} else if err := s.SendFields(step.fields, nil, 0); err != nil {
			t.Fatal(err)
		}
		expectWire(t, b, step.want)
	}
}

// Whatever was sent before and in which form, headers arrive as if they were
// sent alone.
func TestHeadersThatRepeatArriveWhole(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	names := []string{"Micro-ID", "Micro-Id", "Timeout", "X-Custom", "x-custom", "Connection", "Host", "Content-Type", "", "Large"}
	values := []string{"", "a", "b", "close", strings.Repeat("v", 300), strings.Repeat("w", mux.MaxBase)}
	random := rand.New(rand.NewPCG(1, 2))
	var got mux.Message
	h := map[string]string{}
	for i := range 2000 {
		for range random.IntN(3) {
			name := names[random.IntN(len(names))]
			if random.IntN(3) == 0 {
				delete(h, name)
			} else {
				h[name] = values[random.IntN(len(values))]
			}
		}
		if ambiguous(h) {
			clear(h)
		}
		if random.IntN(2) == 0 && len(h) > 0 {
			err := s.SendFields(fields(h), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
		} else {
			sendHeader(t, s, h)
		}
		if err := s.Recv(&got, 0); err != nil {
			t.Fatal(err)
		}
		if want := unfold(t, h); !maps.Equal(got.Header, want) {
			t.Fatalf("message %d: sent %.60q, received %.60q", i, want, got.Header)
		}
	}
}

// fields are the headers of h, most often in the same order.
func fields(h map[string]string) (f []mux.Field) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		f = append(f, mux.Field{Name: name, Value: h[name]})
	}
	return f
}

// ambiguous reports whether h has a name twice, so that it cannot be known with
// which value it arrives.
func ambiguous(h map[string]string) bool {
	return len(h) > 1 && (has(h, "Micro-ID") && has(h, "Micro-Id") || has(h, "X-Custom") && has(h, "x-custom"))
}

func has(h map[string]string, name string) bool {
	_, ok := h[name]
	return ok
}

// The other end cannot know a block that was not sent.
func TestHeadersOfAMessageThatWasNotSentAreNotRepeated(t *testing.T) {
	a, b := tcp(t)
	defer b.Close()
	b.SetDeadline(time.Now().Add(testkit.Patience))
	s := open(t, dial(t, a, mux.Config{}))
	body := mux.Window - 6 - mux.MessageCost
	go s.Send(&mux.Message{Body: make([]byte, body)}, 0)
	if _, err := io.CopyN(io.Discard, b, int64(body+6+8*4)); err != nil { // all of the credit, in four frames
		t.Fatal(err)
	}
	h := map[string]string{"Timeout": "1"}
	if err := s.Send(&mux.Message{Header: h}, time.Millisecond); !errors.Is(err, mux.ErrNotSent) {
		t.Fatalf("without credit: %v", err)
	}
	b.Write([]byte(mux.Frame(mux.KindWindow, 0, 1, number(1000))))
	sendHeader(t, s, h)
	expectWire(t, b, mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(3, 0, "\x0f\x011")))
}
