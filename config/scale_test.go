package config_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
)

// counting is a reader that counts what it is asked for.
type counting struct {
	reader.Reader
	parsed, merged, read, encoded atomic.Int64
}

func newCounting() *counting { return &counting{Reader: json.NewReader()} }

func (c *counting) Parse(s *source.ChangeSet) (reader.Parsed, error) {
	c.parsed.Add(1)
	return c.Reader.(reader.Parser).Parse(s)
}

func (c *counting) MergeParsed(documents ...reader.Parsed) (*source.ChangeSet, error) {
	c.merged.Add(1)
	return c.Reader.(reader.Parser).MergeParsed(documents...)
}

func (c *counting) Values(s *source.ChangeSet) (reader.Values, error) {
	c.read.Add(1)
	v, err := c.Reader.Values(s)
	return countingValues{v, c}, err
}

type countingValues struct {
	reader.Values
	counting *counting
}

func (v countingValues) Get(path ...string) reader.Value {
	return countingValue{v.Values.Get(path...), v.counting}
}

type countingValue struct {
	reader.Value
	counting *counting
}

func (v countingValue) Bytes() []byte {
	v.counting.encoded.Add(1)
	return v.Value.Bytes()
}

func numbered(i int) source.Source { return jsonSource(fmt.Sprintf(`{"key%d":{"n":%d}}`, i, i)) }

func TestSourcesLoadedOneByOneAreMergedWhenTheyAreRead(t *testing.T) {
	r := newCounting()
	c := newConfig(t, config.WithReader(r), config.WithWatcherDisabled())
	before := r.merged.Load()
	for i := range 100 {
		if err := c.Load(numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if got := c.Get(fmt.Sprint("key", i), "n").Int(-1); got != i {
			t.Errorf("key%d is %d", i, got)
		}
	}
	if merged, parsed := r.merged.Load()-before, r.parsed.Load(); merged != 1 || parsed != 100 {
		t.Errorf("%d merges and %d documents parsed, want 1 and 100", merged, parsed)
	}
}

func TestAGetAfterSyncMergesNothing(t *testing.T) {
	r := newCounting()
	src := jsonSource(`{"a":1}`)
	c := newConfig(t, config.WithReader(r), config.WithWatcherDisabled())
	if err := c.Load(src, numbered(1)); err != nil {
		t.Fatal(err)
	}
	write(t, src, `{"a":2}`)
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	merged, read := r.merged.Load(), r.read.Load()
	if got := c.Get("a").Int(0); got != 2 {
		t.Errorf("a is %d", got)
	}
	if merged, read = r.merged.Load()-merged, r.read.Load()-read; merged > 0 || read > 0 {
		t.Errorf("Get merged %d times and read %d documents", merged, read)
	}
}

func TestABrokenSourceIsToldByLoadThoughMergingWaits(t *testing.T) {
	c := newConfig(t, config.WithWatcherDisabled())
	if err := c.Load(numbered(1)); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(jsonSource(`{"a":`)); err == nil || !strings.Contains(err.Error(), "error loading source memory") {
		t.Errorf("Load: %v", err)
	}
	if got := string(c.Bytes()); got != `{"key1":{"n":1}}` {
		t.Errorf("got %s", got)
	}
}

func TestAChangeOfOneSourceParsesItsOwnDocument(t *testing.T) {
	r := newCounting()
	c := newConfig(t, config.WithReader(r))
	changing := jsonSource(`{"changing":1}`)
	for i := range 50 {
		if err := c.Load(numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Load(changing); err != nil {
		t.Fatal(err)
	}
	w := watch(t, c, "changing")
	before := r.parsed.Load()
	write(t, changing, `{"changing":2}`)
	if got := next(t, w).Int(0); got != 2 {
		t.Errorf("watched %d", got)
	}
	if parsed := r.parsed.Load() - before; parsed != 1 {
		t.Errorf("%d documents were parsed for a change of one", parsed)
	}
}

func TestWatchersOfAPathShareOneEncoding(t *testing.T) {
	const watchers = 100
	r := newCounting()
	src := jsonSource(`{"a":{"b":0}}`)
	c := newConfig(t, config.WithReader(r), config.WithSource(src))
	var all []config.Watcher
	for range watchers {
		all = append(all, watch(t, c, "a"))
	}
	before := r.encoded.Load()
	write(t, src, `{"a":{"b":1}}`)
	for _, w := range all {
		v, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if got := string(v.(countingValue).Value.Bytes()); got != `{"b":1}` {
			t.Errorf("watched %s", got)
		}
	}
	// The configuration and its loader have one each.
	if encoded := r.encoded.Load() - before; encoded > 2 {
		t.Errorf("the value was encoded %d times for %d watchers", encoded, watchers)
	}
}

func TestPathsWithTheSameTextAreDifferent(t *testing.T) {
	src := jsonSource(`{"a":{"b":1},"a.b":1,"a\u0000b":1}`)
	c := newConfig(t, config.WithSource(src))
	nested, flat, zero := watch(t, c, "a", "b"), watch(t, c, "a.b"), watch(t, c, "a\x00b")
	write(t, src, `{"a":{"b":2},"a.b":3,"a\u0000b":4}`)
	for want, w := range map[int]config.Watcher{2: nested, 3: flat, 4: zero} {
		if got := next(t, w).Int(0); got != want {
			t.Errorf("watched %d, want %d", got, want)
		}
	}
}

func BenchmarkScaleLoadOneByOne(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				c := newConfig(b)
				for i := range n {
					if err := c.Load(numbered(i)); err != nil {
						b.Fatal(err)
					}
				}
				if got := c.Get(fmt.Sprint("key", n-1), "n").Int(-1); got != n-1 {
					b.Fatalf("the last is %d", got)
				}
				_ = c.Close()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n)*1e6, "µs/source")
		})
	}
}

func BenchmarkScaleChangeOneSource(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newConfig(b)
			var sources []source.Source
			for i := range n {
				sources = append(sources, numbered(i))
			}
			if err := c.Load(sources...); err != nil {
				b.Fatal(err)
			}
			w, err := c.Watch("key1", "n")
			if err != nil {
				b.Fatal(err)
			}
			for i := 2; b.Loop(); i++ {
				if err := sources[1].Write(&source.ChangeSet{Data: fmt.Appendf(nil, `{"key1":{"n":%d}}`, i), Format: "json"}); err != nil {
					b.Fatal(err)
				}
				if _, err := w.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkScaleWatchers(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			large := strings.Repeat("x", 10_000)
			src := jsonSource(`{"a":{"b":0}}`)
			c := newConfig(b, config.WithSource(src))
			var all []config.Watcher
			for range n {
				w, err := c.Watch("a")
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, w)
			}
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				if err := src.Write(&source.ChangeSet{Data: fmt.Appendf(nil, `{"a":{"b":%d,"c":%q}}`, i, large), Format: "json"}); err != nil {
					b.Fatal(err)
				}
				var reading sync.WaitGroup
				for _, w := range all {
					reading.Go(func() { _, _ = w.Next() })
				}
				reading.Wait()
			}
		})
	}
}
