package mux_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
)

// lines returns n different fields, and their block.
func lines(n int) (fields []mux.Field, block string) {
	for i := range n {
		name := fmt.Sprintf("X-%03d", i)
		fields = append(fields, mux.Field{Name: name, Value: "v"})
		block += "\x00\x05" + name + "\x01v"
	}
	return fields, block
}

func TestFieldsHaveTheLimitsOfHeaders(t *testing.T) {
	c, _ := pair(t, mux.Config{}, echo)
	s := open(t, c)
	most, _ := lines(mux.MaxHeaders)
	more, _ := lines(mux.MaxHeaders + 1)
	large := []mux.Field{{Name: "X-Large", Value: strings.Repeat("v", mux.MaxHeader)}}
	for name, fields := range map[string][]mux.Field{"many": more, "large": large} {
		if err := s.SendFields(fields, nil, 0); !errors.Is(err, mux.ErrTooLarge) {
			t.Errorf("%s fields: %v", name, err)
		}
	}
	if err := s.SendFields(most, []byte("body"), 0); err != nil {
		t.Fatal(err)
	}
	var h mux.Headers
	if body, err := s.RecvHeaders(&h, 0); err != nil || string(body) != "body" || !maps.Equal(h.Map(), mux.FieldMap(most)) {
		t.Errorf("received %d headers and %q, %v", len(h.Map()), body, err)
	}
}

// A peer may break the rules for headers in any message. Who receives without
// making a map learns of it, and finds nothing harmful in what came along.
func TestHeadersThatBreakTheRulesAreNotReceived(t *testing.T) {
	_, block := lines(mux.MaxHeaders + 1)
	for name, sent := range map[string]string{
		"too many lines": opening(1, begin(len(block), 0, block)),
		"unknown number": opening(1, begin(5, 0, "\x01\x01v\xf0\x00")) + repeating(1, "") + repeating(1, "\x02\x01w"),
		"cut short":      opening(1, begin(5, 0, "\x01\x01v\x02\x09")) + repeating(1, ""),
		"bad change":     opening(1, begin(3, 0, "\x01\x01v")) + repeating(1, "\x02\x09w") + repeating(1, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each lingers for a moment
			failed := make(chan bool, 1)
			conn := raw(t, mux.Config{}, func(s *mux.Socket) {
				refused := false
				for range 4 { // also what came after the fault
					var h mux.Headers
					if _, err := s.RecvHeaders(&h, 0); err != nil {
						refused = true
					}
					for name := range h.All() {
						if name == "" {
							t.Error("a header without a name")
						}
					}
					if n := len(h.Map()); n > mux.MaxHeaders+1 {
						t.Errorf("%d headers", n)
					}
				}
				failed <- refused
			})
			if _, err := conn.Write([]byte(sent)); err != nil {
				t.Fatal(err)
			}
			if !<-failed {
				t.Error("all of it was received")
			}
		})
	}
}
