package nats

import (
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/sync/lease"
)

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"id":"\"a\"","owner":"x","time":5000000000}`, `{}`, `null`, `{"owner":"x","time":-1}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, err := decode(data); err == nil && (v.Owner == "" || v.Time <= 0) {
			t.Errorf("%q gives %+v", data, v)
		}
	})
}

func TestAnEntryHasItsOwnerAndItsTime(t *testing.T) {
	data, err := encode(&lease.Hold{Key: "a\xff", Owner: "x", Time: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := decode(data); err != nil || v != (value{ID: `"a\xff"`, Owner: "x", Time: time.Minute}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

// The clock of the server may be further than it is taken to be, never less far.
func TestAnEntryIsOutOfTimeOnlyWhenItsTimeIsOver(t *testing.T) {
	written := time.Now()
	e := entry{time: time.Minute, written: written}
	for after, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Minute - 1: 1, time.Minute: 0, time.Hour: 0,
	} {
		if got := e.left(written.Add(after)); got != want {
			t.Errorf("after %v: %v left, want %v", after, got, want)
		}
	}
}

func TestABoundedNumberOfRevisionsIsRemembered(t *testing.T) {
	var r revisions
	for i := range 10 * remembered {
		r.note(time.Duration(i).String(), uint64(i))
		if len(r.byKey) > remembered {
			t.Fatalf("%d are remembered", len(r.byKey))
		}
	}
	r.note("a", 7)
	if first, second := r.recall("a"), r.recall("a"); first != 7 || second != 0 {
		t.Errorf("recalled %d, then %d", first, second)
	}
}
