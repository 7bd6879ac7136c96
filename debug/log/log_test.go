package log_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/debug/log/memory"
	"github.com/justcy/go-micro/v4/debug/log/noop"
)

var start = time.Date(2023, 1, 3, 16, 58, 3, 0, time.UTC)

// fill writes records numbered from 0, one a second.
func fill(t *testing.T, l log.Log, n int) {
	t.Helper()
	for i := range n {
		r := log.Record{Timestamp: start.Add(time.Duration(i) * time.Second), Message: fmt.Sprint(i), Metadata: map[string]string{"n": fmt.Sprint(i)}}
		if err := l.Write(r); err != nil {
			t.Fatal(err)
		}
	}
}

func messages(records []log.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, r.Message.(string))
	}
	return out
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

func TestReadHonoursSizeSinceAndCount(t *testing.T) {
	after := func(i int) log.ReadOption { return log.Since(start.Add(time.Duration(i) * time.Second)) }
	tests := []struct {
		name    string
		records int
		opts    []log.ReadOption
		want    []string
		memory  []string // where the memory log differs
	}{
		{"no options", 150, nil, numbers(50, 150), numbers(0, 150)},
		{"count", 20, []log.ReadOption{log.Count(3)}, numbers(17, 20), nil},
		{"more than there are", 5, []log.ReadOption{log.Count(30)}, numbers(0, 5), nil},
		{"more than fit", 250, []log.ReadOption{log.Count(300)}, numbers(50, 250), nil},
		{"strictly later", 20, []log.ReadOption{after(15)}, numbers(16, 20), nil},
		{"later and count", 20, []log.ReadOption{after(10), log.Count(2)}, numbers(11, 13), nil},
		{"none later", 20, []log.ReadOption{after(19)}, nil, nil},
		{"none later with count", 20, []log.ReadOption{after(100), log.Count(5)}, nil, nil},
	}
	for _, tt := range tests {
		for kind, l := range map[string]log.Log{"default": log.NewLog(log.Size(200)), "memory": memory.NewLog(log.Size(200))} {
			want := tt.want
			if kind == "memory" && tt.memory != nil {
				want = tt.memory
			}
			fill(t, l, tt.records)
			records, err := l.Read(tt.opts...)
			if got := messages(records); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %s log: got %v, %v, want %v", tt.name, kind, got, err, want)
			}
		}
	}
}

func TestMemoryLogKeepsTimestampAndMetadata(t *testing.T) {
	l := memory.NewLog()
	if err := l.Write(log.Record{Timestamp: start, Message: 7, Metadata: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	records, err := l.Read()
	if err != nil || len(records) != 1 {
		t.Fatalf("got %v, %v", records, err)
	}
	if r := records[0]; !r.Timestamp.Equal(start) || r.Metadata["a"] != "b" || r.Message != "7" {
		t.Errorf("got %+v", r)
	}
}

func TestRecordsReadAreCopies(t *testing.T) {
	for kind, l := range map[string]log.Log{"default": log.NewLog(), "memory": memory.NewLog()} {
		fill(t, l, 1)
		for _, opts := range [][]log.ReadOption{nil, {log.Since(start.Add(-time.Second))}} {
			records, _ := l.Read(opts...)
			records[0].Metadata["n"] = "changed"
		}
		if records, _ := l.Read(); records[0].Metadata["n"] != "0" {
			t.Errorf("%s: the stored record has %v", kind, records[0].Metadata)
		}
	}
}

func TestWhatARecordKeepsIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for kind, l := range map[string]log.Log{"default": log.NewLog(), "memory": memory.NewLog()} {
		given := map[string]string{"k": long, "short": "s"}
		if err := l.Write(log.Record{Message: long, Metadata: given}); err != nil {
			t.Fatal(err)
		}
		records, err := l.Read()
		if err != nil || len(records) != 1 {
			t.Fatalf("%s: %v, %v", kind, records, err)
		}
		message, value := records[0].Message.(string), records[0].Metadata["k"]
		if len(message) > 17<<10 || len(value) > 17<<10 || !strings.HasPrefix(message, "xxx") || records[0].Metadata["short"] != "s" {
			t.Errorf("%s: a message of %d bytes and a value of %d are kept", kind, len(message), len(value))
		}
		if given["k"] != long {
			t.Errorf("%s: the metadata of the writer were changed", kind)
		}
	}
}

func TestMissingTimestampIsThePresent(t *testing.T) {
	for _, l := range []log.Log{log.NewLog(), memory.NewLog()} {
		before := time.Now()
		_ = l.Write(log.Record{Message: "a"})
		records, _ := l.Read()
		if len(records) != 1 || records[0].Timestamp.Before(before) {
			t.Errorf("%T: got %v", l, records)
		}
	}
}

func TestStreamGetsRecordsUntilStopped(t *testing.T) {
	for kind, l := range map[string]log.Log{"default": log.NewLog(), "memory": memory.NewLog()} {
		s, err := l.Stream()
		if err != nil {
			t.Fatal(err)
		}
		fill(t, l, 3)
		for i := range 3 {
			if r := <-s.Chan(); r.Message != fmt.Sprint(i) {
				t.Errorf("%s: got %v, want %d", kind, r.Message, i)
			}
		}
		for range 2 {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
		fill(t, l, 1)
		if r, ok := <-s.Chan(); ok {
			t.Errorf("%s: got %v after the stop", kind, r)
		}
	}
}

func TestFullStreamDoesNotBlockWrite(t *testing.T) {
	for kind, l := range map[string]log.Log{"default": log.NewLog(), "memory": memory.NewLog()} {
		s, _ := l.Stream()
		fill(t, l, 1000)
		if cap(s.Chan()) != 128 || len(s.Chan()) != 128 {
			t.Errorf("%s: the channel holds %d of %d", kind, len(s.Chan()), cap(s.Chan()))
		}
		_ = s.Stop()
	}
}

func TestMemoryStreamBeginsWithTheLastTen(t *testing.T) {
	l := memory.NewLog()
	fill(t, l, 15)
	s, _ := l.Stream()
	fill(t, l, 1)
	_ = s.Stop()
	var got []string
	for r := range s.Chan() {
		got = append(got, r.Message.(string))
	}
	if want := append(numbers(5, 15), "0"); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNoopKeepsNothing(t *testing.T) {
	l := noop.NewLog()
	records, err := l.Read()
	s, streamErr := l.Stream()
	if records != nil || err != nil || s != nil || streamErr != nil || l.Write(log.Record{}) != nil {
		t.Errorf("got %v, %v, %v, %v", records, err, s, streamErr)
	}
}

func TestFormatsAreThoseOfV4(t *testing.T) {
	r := log.Record{Timestamp: start, Metadata: map[string]string{"a": "b"}, Message: "m"}
	if got, want := log.TextFormat(r), "2023-01-03 16:58:03 m"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := log.JSONFormat(r), `{"timestamp":"2023-01-03T16:58:03Z","metadata":{"a":"b"},"message":"m"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.Message = make(chan int)
	if got := log.JSONFormat(r); got == "" {
		t.Error("a message without JSON form gives nothing")
	}
}

func TestDefaultsAreThoseOfV4(t *testing.T) {
	if log.DefaultSize != 1024 || memory.DefaultSize != 1024 || log.DefaultOptions().Size != 1024 || log.DefaultLog == nil {
		t.Error("the defaults differ")
	}
	if got := log.DefaultFormat(log.Record{Timestamp: start, Message: 1}); got != "2023-01-03 16:58:03 1" {
		t.Errorf("got %s", got)
	}
}

func Example() {
	l := log.NewLog(log.Size(2))
	for _, m := range []string{"a", "b", "c"} {
		_ = l.Write(log.Record{Message: m})
	}
	records, _ := l.Read()
	for _, r := range records {
		fmt.Println(r.Message)
	}
	// Output:
	// b
	// c
}
