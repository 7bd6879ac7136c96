package config_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source/file"
)

// document is a JSON document of about a megabyte.
func document() string {
	services := map[string]any{}
	for i := range 5000 {
		services[fmt.Sprintf("service-%d", i)] = map[string]any{
			"address":  fmt.Sprintf("10.0.%d.%d:8080", i/256, i%256),
			"weight":   i,
			"enabled":  i%2 == 0,
			"tags":     []string{"one", "two", "three"},
			"timeouts": map[string]any{"connect": "5s", "request": "30s", "retries": 3, "factor": 1.5},
			"note":     "a text of some length that nobody is going to read",
		}
	}
	text, _ := json.Marshal(map[string]any{"services": services, "a": map[string]any{"b": map[string]any{"c": 1}}})
	return string(text)
}

// BenchmarkGet reads a nested value while a goroutine reloads all the time.
func BenchmarkGet(b *testing.B) {
	for _, reloading := range []bool{false, true} {
		b.Run(fmt.Sprintf("reloading=%v", reloading), func(b *testing.B) {
			src := jsonSource(`{"a":{"b":{"c":1}}}`)
			c := newConfig(b, config.WithSource(src))
			stop := make(chan struct{})
			var wg sync.WaitGroup
			if reloading {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							_ = c.Sync()
						}
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if c.Get("a", "b", "c").Int(0) != 1 {
					b.Fatal("the value is gone")
				}
			}
			b.StopTimer()
			close(stop)
			wg.Wait()
		})
	}
}

func BenchmarkGetParallel(b *testing.B) {
	c := newConfig(b, config.WithSource(jsonSource(`{"a":{"b":{"c":1}}}`)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Get("a", "b", "c").Int(0)
		}
	})
}

// BenchmarkLoad loads a document of a megabyte.
func BenchmarkLoad(b *testing.B) {
	text := document()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := config.NewConfig(config.WithSource(jsonSource(text)), config.WithWatcherDisabled())
		if err != nil || c.Get("a", "b", "c").Int(0) != 1 {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFileToWatch is the time from replacing a file to the watcher's return.
func BenchmarkFileToWatch(b *testing.B) {
	path := filepath.Join(b.TempDir(), "config.json")
	replace(b, path, `{"a":"x"}`)
	c := newConfig(b, config.WithSource(file.NewSource(file.WithPath(path))))
	w := watch(b, c, "a")
	n := 0
	for b.Loop() {
		n++
		replace(b, path, `{"a":"`+strconv.Itoa(n)+`"}`)
		if got := next(b, w).String(""); got != strconv.Itoa(n) {
			b.Fatalf("got %s, want %d", got, n)
		}
	}
}
