package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
)

// RunMarshaler checks a marshaler against every rule of marshalers, in a
// subtest each. Of the harness it uses Value, Target and Equal.
func RunMarshaler(t *testing.T, m codec.Marshaler, h Harness) {
	t.Helper()
	if h.Equal == nil {
		h.Equal = equal
	}
	for _, r := range marshalerRules(m) {
		t.Run(r.name, func(t *testing.T) {
			if err := r.broken(h); err != nil {
				t.Errorf("broken rule: %s: %v", r.sentence, err)
			}
		})
	}
}

func marshalerRules(m codec.Marshaler) []rule {
	u := underTest{m}
	return []rule{
		{name: "name", sentence: "a marshaler has a name", check: u.hasName},
		{name: "round trip", sentence: "what is marshalled is unmarshalled equal", check: u.roundTrip},
		{name: "owned bytes", sentence: "bytes that were returned belong to the caller alone", check: u.ownedBytes},
		{name: "owned value", sentence: "a value that was filled does not change with the data", check: u.ownedValue},
		{name: "invalid", sentence: "a value that cannot be encoded or filled is an error", check: u.invalid},
		{name: "concurrent", sentence: "a marshaler can be used by several goroutines at once", check: u.concurrent},
	}
}

// underTest is a marshaler with the checks of its rules.
type underTest struct {
	codec.Marshaler
}

func (m underTest) hasName(Harness) error {
	if m.String() == "" {
		return errors.New("String returned nothing")
	}
	return nil
}

func (m underTest) roundTrip(h Harness) error {
	data, err := m.Marshal(h.Value(1))
	if err != nil {
		return err
	}
	got := h.Target()
	if err := m.Unmarshal(data, got); err != nil {
		return err
	}
	return h.same(h.Value(1), got)
}

func (m underTest) ownedBytes(h Harness) error {
	v := h.Value(1)
	first, err := m.Marshal(v)
	if err != nil {
		return err
	}
	want := bytes.Clone(first)
	for i := range 10 {
		if _, err := m.Marshal(h.Value(2 + i)); err != nil {
			return err
		}
	}
	if !bytes.Equal(first, want) {
		return fmt.Errorf("%q became %q by marshalling more", want, first)
	}
	for i := range first {
		first[i] = '!'
	}
	if err := h.same(h.Value(1), v); err != nil {
		return fmt.Errorf("changing the bytes changed the value: %w", err)
	}
	return nil
}

func (m underTest) ownedValue(h Harness) error {
	data, err := m.Marshal(h.Value(1))
	if err != nil {
		return err
	}
	got := h.Target()
	if err := m.Unmarshal(data, got); err != nil {
		return err
	}
	for i := range data {
		data[i] = '!'
	}
	return h.same(h.Value(1), got)
}

func (m underTest) invalid(h Harness) error {
	if _, err := m.Marshal(make(chan int)); err == nil {
		return errors.New("no error for marshalling a channel")
	}
	data, err := m.Marshal(h.Value(1))
	if err != nil {
		return err
	}
	if err := m.Unmarshal(data, new(chan int)); err == nil {
		return errors.New("no error for unmarshalling into a channel")
	}
	return nil
}

func (m underTest) concurrent(h Harness) error {
	const goroutines = 4
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for range 50 {
				data, err := m.Marshal(h.Value(i))
				got := h.Target()
				errs[i] = errors.Join(errs[i], err, m.Unmarshal(data, got), h.same(h.Value(i), got))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
