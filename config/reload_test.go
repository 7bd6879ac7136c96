package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source/file"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// changes receives what a watcher returns until it is stopped.
func changes(t testing.TB, w config.Watcher) <-chan reader.Value {
	t.Helper()
	values := make(chan reader.Value)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			v, err := w.Next()
			if err != nil {
				return
			}
			values <- v
		}
	}()
	t.Cleanup(func() {
		_ = w.Stop()
		for {
			select {
			case <-values:
			case <-ended:
				return
			}
		}
	})
	return values
}

func await(t testing.TB, values <-chan reader.Value, want string) {
	t.Helper()
	limit := time.After(testkit.Patience)
	for {
		select {
		case v := <-values:
			if string(v.Bytes()) == want {
				return
			}
		case <-limit:
			t.Fatalf("%s did not arrive", want)
		}
	}
}

func watchedFile(t testing.TB, path string) (config.Config, <-chan reader.Value) {
	t.Helper()
	c := newConfig(t, config.WithSource(file.NewSource(file.WithPath(path))))
	return c, changes(t, watch(t, c, "a"))
}

func TestFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	replace(t, path, `{"a":1}`)
	c, values := watchedFile(t, path)

	replace(t, path, `{"a":2}`)
	await(t, values, "2")
	overwrite(t, path, `{"a":3}`)
	await(t, values, "3")

	overwrite(t, path, `{"a":`) // broken: the last good state stays
	overwrite(t, path, ``)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := c.Get("a").Int(0); got != 3 {
		t.Errorf("the broken file gave %d", got)
	}
	overwrite(t, path, `{"a":4}`)
	await(t, values, "4")
}

func overwrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenFileKeepsTheLastGoodState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	replace(t, path, `{"a":1}`)
	c, values := watchedFile(t, path)
	replace(t, path, `{"a":`)
	if err := c.Sync(); err == nil {
		t.Error("Sync of a broken file is no error")
	}
	if got := c.Get("a").Int(0); got != 1 {
		t.Errorf("the broken file gave %d", got)
	}
	replace(t, path, `{"a":2}`)
	await(t, values, "2")
}

func TestAFileThatIsAsBeforeIsSeenAfterSyncSawAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, `{"a":1}`)
	c, _ := watchedFile(t, path)
	for _, between := range []string{``, `{"a":2}`} {
		overwrite(t, path, between)
		if err := c.Sync(); err != nil {
			t.Fatal(err)
		}
		overwrite(t, path, `{"a":1}`)
		testkit.Eventually(t, "the file's first state is in effect again", func() bool { return c.Get("a").Int(0) == 1 })
	}
}

// TestChangedFileReachesWatchInTime finds what is slow by design, such as
// polling. BenchmarkFileToWatch tells the time, which is some milliseconds.
func TestChangedFileReachesWatchInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	replace(t, path, `{"a":0}`)
	_, values := watchedFile(t, path)
	var took []time.Duration
	for i := range 21 {
		text := string(rune('A' + i))
		begin := time.Now()
		replace(t, path, `{"a":"`+text+`"}`)
		await(t, values, text)
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("half of the changes took at most %v", took[len(took)/2])
	if took[0] > time.Second {
		t.Errorf("the fastest change took %v", took[0])
	}
}
