package events_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/events"
)

// An option that is made under a condition is nil when it does not hold.
func TestNilOptionsAreSkipped(t *testing.T) {
	s, err := events.NewStream(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeStream(t, s)
	ch, err := s.Consume("topic", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish("topic", "x", nil); err != nil {
		t.Fatal(err)
	}
	e := <-ch
	st := events.NewStore(nil)
	if err := st.Write(&e, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := st.Read("topic", nil); err != nil || len(got) != 1 {
		t.Errorf("%d events, %v", len(got), err)
	}
}
