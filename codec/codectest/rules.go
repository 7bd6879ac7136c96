package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing/iotest"

	"github.com/justcy/go-micro/v4/codec"
)

var (
	oneMessage  = flag("NoBoundaries", func(h Harness) bool { return h.NoBoundaries })
	noID        = flag("NoId", func(h Harness) bool { return h.NoId })
	noMethod    = flag("NoMethod", func(h Harness) bool { return h.NoMethod })
	noErrorText = flag("NoErrorText", func(h Harness) bool { return h.NoErrorText })
	noReset     = flag("NoReset", func(h Harness) bool { return h.NoReset })
)

var rules = []rule{
	{name: "name", sentence: "a codec has a name that does not change", check: hasName},
	{name: "round trip", sentence: "what is written is read back equal, from any kind of stream", check: roundTrip},
	{name: "same bytes", sentence: "equal values are written as equal bytes", check: sameBytes},
	{name: "in memory", sentence: "a stream that lends its memory gets the same bytes as one that does not", check: lentMemory},
	{name: "order", sentence: "messages of one stream are read in the order in which they were written", gap: oneMessage, check: order},
	{name: "owned", sentence: "what is read does not change with the memory of the stream", check: owned},
	{name: "unchanged", sentence: "writing a value leaves it as it is", check: unchanged},
	{name: "nil", sentence: "a nil body can be written, and a body be read into nil", check: nilBody},
	{name: "invalid", sentence: "a value that cannot be encoded is an error, and nothing is written", check: invalidValue},
	{name: "invalid target", sentence: "a target that cannot hold the body is an error", check: invalidTarget},
	{name: "cut short", sentence: "a message that is cut short is an error", gap: oneMessage, check: cutShort},
	{name: "garbage", sentence: "no input whatever makes a codec panic", check: garbage},
	{name: "failing write", sentence: "the error of a stream that cannot be written is returned", check: failingWrite},
	{name: "failing read", sentence: "the error of a stream that cannot be read is returned", check: failingRead},
	{name: "both ways", sentence: "one goroutine can read while another one writes", check: bothWays},
	{name: "close", sentence: "closing a codec closes its stream", check: closes},
	{name: "reset", sentence: "after a reset nothing of the former stream is left", gap: noReset, check: resets},
	{name: "id", sentence: "the id of a message is read back", gap: noID, check: idTravels},
	{name: "method", sentence: "the method or endpoint of a request is read back", gap: noMethod, check: methodTravels},
	{name: "error text", sentence: "the error text of a response is read back", gap: noErrorText, check: errorTravels},
}

func hasName(h Harness) error {
	a, b := h.New(&plain{in: eof{}}).String(), h.New(&plain{in: eof{}}).String()
	if a == "" || a != b {
		return fmt.Errorf("String returned %q, then %q", a, b)
	}
	return nil
}

func roundTrip(h Harness) error {
	for _, t := range messageTypes {
		m := message(t, 1)
		data, err := h.encode(m, h.Value(1))
		if err != nil {
			return err
		}
		for _, k := range kinds {
			if err := h.expect(h.New(k.open(data)), m, 1); err != nil {
				return fmt.Errorf("message type %d, %s: %w", t, k.name, err)
			}
		}
	}
	return nil
}

func sameBytes(h Harness) error {
	a, err := h.encode(message(codec.Event, 1), h.Value(1))
	if err != nil {
		return err
	}
	b, err := h.encode(message(codec.Event, 1), h.Value(1))
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%q, then %q", a, b)
	}
	return nil
}

func lentMemory(h Harness) error {
	for _, t := range messageTypes {
		want, err := h.encode(message(t, 1), h.Value(1))
		if err != nil {
			return err
		}
		for _, spare := range []int{0, 4, 1 << 12} {
			s := inMemory{bytes.NewBuffer(make([]byte, 0, spare))}
			if err := h.New(s).Write(message(t, 1), h.Value(1)); err != nil {
				return err
			}
			if !bytes.Equal(s.Bytes(), want) {
				return fmt.Errorf("message type %d: got %q, want %q", t, s.Bytes(), want)
			}
		}
	}
	return nil
}

func order(h Harness) error {
	var all []byte
	var sent []*codec.Message
	for i := range 5 {
		m := message(codec.Request, i)
		data, err := h.encode(m, h.Value(i))
		if err != nil {
			return err
		}
		all, sent = append(all, data...), append(sent, m)
	}
	for _, k := range kinds {
		c := h.New(k.open(all))
		for i, m := range sent {
			if err := h.expect(c, m, i); err != nil {
				return fmt.Errorf("message %d of %s: %w", i+1, k.name, err)
			}
		}
	}
	return nil
}

func owned(h Harness) error {
	for _, t := range messageTypes {
		m := message(t, 1)
		data, err := h.encode(m, h.Value(1))
		if err != nil {
			return err
		}
		got := h.Target()
		if _, err := decode(h.New(inMemory{bytes.NewBuffer(data)}), m, got); err != nil {
			return err
		}
		for i := range data {
			data[i] = '!'
		}
		if err := h.same(h.Value(1), got); err != nil {
			return err
		}
	}
	return nil
}

func unchanged(h Harness) error {
	v := h.Value(1)
	if _, err := h.encode(message(codec.Request, 1), v); err != nil {
		return err
	}
	return h.same(h.Value(1), v)
}

func nilBody(h Harness) error {
	for _, t := range []codec.MessageType{codec.Request, codec.Response, codec.Error} {
		m := message(t, 1)
		data, err := h.encode(m, nil)
		if err != nil {
			return fmt.Errorf("message type %d: %w", t, err)
		}
		if _, err := decode(h.New(kinds[0].open(data)), m, nil); err != nil {
			return fmt.Errorf("message type %d without a body: %w", t, err)
		}
	}
	m := message(codec.Request, 1)
	data, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	if _, err := decode(h.New(kinds[0].open(data)), m, nil); err != nil {
		return fmt.Errorf("body into nil: %w", err)
	}
	return nil
}

func invalidValue(h Harness) error {
	for _, t := range messageTypes {
		s := &plain{in: eof{}}
		if err := h.New(s).Write(message(t, 1), make(chan int)); err == nil {
			return fmt.Errorf("message type %d: no error for a channel", t)
		}
		if s.out.Len() > 0 {
			return fmt.Errorf("message type %d: wrote %q", t, s.out.Bytes())
		}
	}
	return nil
}

func invalidTarget(h Harness) error {
	m := message(codec.Request, 1)
	data, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	if _, err := decode(h.New(kinds[0].open(data)), m, new(chan int)); err == nil {
		return errors.New("no error for a channel")
	}
	return nil
}

func cutShort(h Harness) error {
	m := message(codec.Request, 1)
	data, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	for _, k := range kinds {
		for n := 1; n <= len(data)*3/4; n++ {
			if _, err := decode(h.New(k.open(data[:n])), m, h.Target()); err == nil {
				return fmt.Errorf("%s: no error for %d of %d bytes", k.name, n, len(data))
			}
		}
	}
	return nil
}

func garbage(h Harness) error {
	inputs := [][]byte{
		nil, {0}, []byte("\n"), []byte("null"), []byte("[]"), []byte("{}"), []byte(`"`),
		bytes.Repeat([]byte{0}, 64), bytes.Repeat([]byte{0xff}, 64), []byte(`{"params":[],"result":null}`),
	}
	for _, t := range messageTypes {
		m := message(t, 1)
		data, err := h.encode(m, h.Value(1))
		if err != nil {
			return err
		}
		for i := range data {
			broken := slices.Clone(data)
			broken[i] ^= 0xff
			inputs = append(inputs, data[:i], broken)
		}
		for _, input := range inputs {
			for _, k := range kinds {
				_, _ = decode(h.New(k.open(input)), m, h.Target())
			}
		}
	}
	return nil
}

func failingWrite(h Harness) error {
	s := &plain{in: eof{}, fail: true}
	if err := h.New(s).Write(message(codec.Request, 1), h.Value(1)); !errors.Is(err, errStream) {
		return fmt.Errorf("got %v, want the stream's error", err)
	}
	return nil
}

func failingRead(h Harness) error {
	m := message(codec.Request, 1)
	data, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	half := io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(errStream))
	if _, err := decode(h.New(&plain{in: half}), m, h.Target()); !errors.Is(err, errStream) {
		return fmt.Errorf("got %v, want the stream's error", err)
	}
	return nil
}

func bothWays(h Harness) error {
	m := message(codec.Request, 1)
	data, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	s := &plain{in: bytes.NewReader(data)}
	c := h.New(s)
	written := make(chan error, 1)
	go func() { written <- c.Write(message(codec.Event, 2), h.Value(2)) }()
	readErr := h.expect(c, m, 1)
	if err := <-written; err != nil {
		return err
	}
	if readErr != nil {
		return readErr
	}
	return h.expect(h.New(kinds[0].open(s.out.Bytes())), message(codec.Event, 2), 2)
}

func closes(h Harness) error {
	s := &plain{in: eof{}}
	if err := h.New(s).Close(); err != nil {
		return err
	}
	if s.closed == 0 {
		return errors.New("the stream is still open")
	}
	return nil
}

func resets(h Harness) error {
	m, last := message(codec.Request, 1), message(codec.Request, 2)
	first, err := h.encode(m, h.Value(1))
	if err != nil {
		return err
	}
	second, err := h.encode(last, h.Value(2))
	if err != nil {
		return err
	}
	for _, k := range kinds {
		c, ok := h.New(k.open(append(slices.Clone(first), first...))).(codec.Resetter)
		if !ok {
			return errors.New("the codec has no Reset; declare NoReset")
		}
		_, _ = decode(c, m, h.Target())
		c.Reset(nil)
		c.Reset(k.open(second))
		if err := h.expect(c, last, 2); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		out := &plain{in: eof{}}
		c.Reset(out)
		if err := c.Write(message(codec.Request, 2), h.Value(2)); err != nil {
			return err
		}
		if !bytes.Equal(out.out.Bytes(), second) {
			return fmt.Errorf("wrote %q, want %q", out.out.Bytes(), second)
		}
	}
	return nil
}
