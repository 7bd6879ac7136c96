package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/loader"
	loadermemory "github.com/justcy/go-micro/v4/config/loader/memory"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/env"
	"github.com/justcy/go-micro/v4/config/source/file"
	"github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func newConfig(t testing.TB, opts ...config.Option) config.Config {
	t.Helper()
	c, err := config.NewConfig(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func jsonSource(text string) source.Source {
	return memory.NewSource(memory.WithJSON([]byte(text)))
}

func write(t testing.TB, s source.Source, text string) {
	t.Helper()
	if err := s.Write(&source.ChangeSet{Data: []byte(text), Format: "json"}); err != nil {
		t.Fatal(err)
	}
}

func watch(t testing.TB, c config.Config, path ...string) config.Watcher {
	t.Helper()
	w, err := c.Watch(path...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	return w
}

func next(t testing.TB, w config.Watcher) reader.Value {
	t.Helper()
	v, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var errDown = errors.New("the server is down")

// down is a source that cannot be read.
type down struct{ source.Source }

func (down) Read() (*source.ChangeSet, error) { return nil, errDown }
func (down) String() string                   { return "down" }

func TestDefaultConfigDoesNothingUntilLoaded(t *testing.T) {
	// TestMain fails if it had a goroutine.
	if got := config.Get("a").Int(7); got != 7 {
		t.Errorf("got %d", got)
	}
	if len(config.Bytes()) != 0 || config.Map() != nil {
		t.Errorf("there is %s", config.Bytes())
	}
	if config.DefaultConfig.(interface{ String() string }).String() != "config" {
		t.Error("the configuration has no name")
	}
}

func TestGetBeforeAnyValuesReturnsTheDefaults(t *testing.T) {
	c := newConfig(t)
	for _, path := range [][]string{nil, {"a"}, {"a", "b"}} {
		if got := c.Get(path...).String("default"); got != "default" {
			t.Errorf("%v is %q", path, got)
		}
	}
	kept := map[string]any{"x": 1}
	if err := c.Scan(&kept); err != nil || len(kept) != 1 {
		t.Errorf("scanned %v, %v", kept, err)
	}
}

func TestFunctionsOfThePackageUseTheDefaultConfig(t *testing.T) {
	old := config.DefaultConfig
	defer func() { config.DefaultConfig = old }()
	config.DefaultConfig = newConfig(t)

	path := filepath.Join(t.TempDir(), "config.json")
	replace(t, path, `{"a":{"b":1}}`)
	if err := config.LoadFile(path); err != nil {
		t.Fatal(err)
	}
	if err := config.Load(jsonSource(`{"c":2}`)); err != nil {
		t.Fatal(err)
	}
	if err := config.Sync(); err != nil {
		t.Fatal(err)
	}
	var all struct{ C int }
	if err := config.Scan(&all); err != nil || all.C != 2 || config.Get("a", "b").Int(0) != 1 || len(config.Map()) != 2 || string(config.Bytes()) != `{"a":{"b":1},"c":2}` {
		t.Errorf("there is %s, %v", config.Bytes(), err)
	}
	w, err := config.Watch("a", "b")
	if err != nil {
		t.Fatal(err)
	}
	replace(t, path, `{"a":{"b":3}}`)
	if got := next(t, w).Int(0); got != 3 {
		t.Errorf("watched %d", got)
	}
}

// replace writes a file and puts it in place at once.
func replace(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestSourcesTakeEffectInTheirOrder(t *testing.T) {
	base, over := jsonSource(`{"a":1,"b":{"c":2}}`), jsonSource(`{"b":{"c":3}}`)
	c := newConfig(t, config.WithSource(base), config.WithSource(over))
	w := watch(t, c)
	if got := string(c.Bytes()); got != `{"a":1,"b":{"c":3}}` {
		t.Errorf("got %s", got)
	}
	write(t, base, `{"a":2,"b":{"c":4,"d":5}}`)
	if got, want := string(next(t, w).Bytes()), `{"a":2,"b":{"c":3,"d":5}}`; got != want || string(c.Bytes()) != want {
		t.Errorf("watched %s, there is %s, want %s", got, c.Bytes(), want)
	}
}

func TestNewConfigReportsWhatCannotBeLoaded(t *testing.T) {
	if c, err := config.NewConfig(config.WithSource(down{})); c != nil || !errors.Is(err, errDown) {
		t.Errorf("got %v, %v", c, err)
	}
	missing := filepath.Join(t.TempDir(), "missing.json")
	if _, err := config.NewConfig(config.WithSource(file.NewSource(file.WithPath(missing)))); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) || !strings.Contains(err.Error(), "source file") {
		t.Errorf("a missing file is %v", err)
	}
}

func TestErrorsNameSourcePathAndKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.json")
	replace(t, path, "{\n\"server\": }")
	c := newConfig(t)
	err := c.Load(file.NewSource(file.WithPath(path)))
	if err == nil || !strings.Contains(err.Error(), "error loading source file: "+path) || !strings.Contains(err.Error(), "line 2, column 11") {
		t.Errorf("a broken file is %v", err)
	}
	replace(t, path, `{"server":{"port":"x"}}`)
	if err := c.Load(file.NewSource(file.WithPath(path))); err != nil {
		t.Fatal(err)
	}
	var port int
	if err := c.Get("server", "port").Scan(&port); err == nil || !strings.Contains(err.Error(), "server.port") {
		t.Errorf("a wrong type is %v", err)
	}
}

func TestAPartialFailureLeavesWhatLoaded(t *testing.T) {
	c := newConfig(t)
	if err := c.Load(down{}, jsonSource(`{"a":1}`)); !errors.Is(err, errDown) {
		t.Errorf("Load: %v", err)
	}
	if got := c.Get("a").Int(0); got != 1 {
		t.Errorf("got %d", got)
	}
}

// unreadable is a reader whose values fail when told.
type unreadable struct {
	reader.Reader
	fail bool
}

func (u *unreadable) Values(s *source.ChangeSet) (reader.Values, error) {
	if u.fail {
		return nil, errDown
	}
	return u.Reader.Values(s)
}

func TestAnUnparsableSetLeavesTheValues(t *testing.T) {
	r := &unreadable{Reader: json.NewReader()}
	c := newConfig(t, config.WithReader(r), config.WithWatcherDisabled())
	if err := c.Load(jsonSource(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	r.fail = true
	if err := c.Load(jsonSource(`{"a":2}`)); !errors.Is(err, errDown) {
		t.Errorf("Load: %v", err)
	}
	if got := c.Get("a").Int(0); got != 1 || len(c.Map()) != 1 {
		t.Errorf("got %d of %v", got, c.Map())
	}
}

func TestSetLastsUntilTheNextChange(t *testing.T) {
	src := jsonSource(`{"a":1}`)
	c := newConfig(t)
	c.Set(5, "fresh") // before there is anything
	if got := c.Get("fresh").Int(0); got != 5 {
		t.Errorf("got %d", got)
	}
	if err := c.Load(src); err != nil {
		t.Fatal(err)
	}
	for name, reload := range map[string]func(){
		"sync": func() {
			if err := c.Sync(); err != nil {
				t.Error(err)
			}
		},
		"change": func() {
			w := watch(t, c, "changed")
			write(t, src, `{"a":1,"changed":true}`)
			next(t, w)
		},
	} {
		c.Set(2, "a")
		c.Del("changed")
		if got := c.Get("a").Int(0); got != 2 {
			t.Errorf("%s: set to %d", name, got)
		}
		reload()
		if got := c.Get("a").Int(0); got != 1 {
			t.Errorf("%s: still %d", name, got)
		}
	}
	if set, _ := src.Read(); strings.Contains(string(set.Data), "2") {
		t.Errorf("the source was written: %s", set.Data)
	}
}

func TestAWatchedStringStaysAString(t *testing.T) {
	src := jsonSource(`{"a":"x"}`)
	c := newConfig(t, config.WithSource(src))
	w := watch(t, c, "a")
	for _, text := range []string{"123", "true", "null", `{"b":1}`} {
		quoted := `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
		write(t, src, `{"a":`+quoted+`}`)
		if got := next(t, w).String("no string"); got != text {
			t.Errorf("watched %q, want %q", got, text)
		}
	}
	write(t, src, `{"a":123}`)
	next(t, w)
	write(t, src, `{"a":"123"}`)
	if got := next(t, w).String("no string"); got != "123" {
		t.Errorf("a number that became a string is %q", got)
	}
}

func TestWatcherSkipsWhatDidNotChange(t *testing.T) {
	src := jsonSource(`{"a":1,"b":1}`)
	c := newConfig(t, config.WithSource(src))
	w, all := watch(t, c, "a"), watch(t, c)
	write(t, src, `{"a":1,"b":2}`)
	next(t, all)
	write(t, src, `{"a":2,"b":2}`)
	if got := next(t, w).Int(0); got != 2 {
		t.Errorf("watched %d", got)
	}
	for range 2 {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.Next(); !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestWithoutAWatcherChangesComeBySyncAlone(t *testing.T) {
	src := jsonSource(`{"a":1}`)
	c := newConfig(t, config.WithSource(src), config.WithWatcherDisabled())
	if _, err := c.Watch("a"); err == nil || err.Error() != "watcher is disabled" {
		t.Errorf("Watch: %v", err)
	}
	write(t, src, `{"a":2}`)
	if err := c.Sync(); err != nil || c.Get("a").Int(0) != 2 {
		t.Errorf("after Sync: %s, %v", c.Bytes(), err)
	}
	quiet := newConfig(t, config.WithLoader(loadermemory.NewLoader(loadermemory.WithWatcherDisabled())))
	if _, err := quiet.Watch(); err == nil {
		t.Error("a loader that cannot be watched is watched")
	}
}

func TestInitEndsTheOldLoop(t *testing.T) {
	testkit.NoLeaks(t)
	first, second := jsonSource(`{"a":1}`), jsonSource(`{"a":2}`)
	c := newConfig(t, config.WithSource(first))
	w := watch(t, c, "a")
	if err := c.Init(config.WithSource(second)); err != nil {
		t.Fatal(err)
	}
	if got := next(t, w).Int(0); got != 2 {
		t.Errorf("watched %d", got)
	}
	write(t, first, `{"a":3}`) // nobody listens any more
	write(t, second, `{"a":4}`)
	if got := next(t, w).Int(0); got != 4 {
		t.Errorf("watched %d", got)
	}
	if n := len(c.Options().Source); n != 1 {
		t.Errorf("there are %d sources, want one", n)
	}
}

func TestFailedInitChangesNothing(t *testing.T) {
	src := jsonSource(`{"a":1}`)
	c := newConfig(t, config.WithSource(src))
	if err := c.Init(config.WithSource(down{})); !errors.Is(err, errDown) {
		t.Errorf("Init: %v", err)
	}
	w := watch(t, c, "a")
	write(t, src, `{"a":2}`)
	if got := next(t, w).Int(0); got != 2 {
		t.Errorf("watched %d", got)
	}
}

func TestInitWithTheSameLoaderKeepsItWatching(t *testing.T) {
	src := jsonSource(`{"a":1}`)
	l := loadermemory.NewLoader(loadermemory.WithSource(src))
	c := newConfig(t, config.WithLoader(l))
	if err := c.Init(config.WithLoader(l)); err != nil {
		t.Fatal(err)
	}
	w := watch(t, c, "a")
	write(t, src, `{"a":2}`)
	if got := next(t, w).Int(0); got != 2 {
		t.Errorf("watched %d", got)
	}
}

func TestCloseEndsNext(t *testing.T) {
	testkit.NoLeaks(t)
	c := newConfig(t, config.WithSource(jsonSource(`{"a":1}`)))
	w := watch(t, c)
	ended := make(chan error)
	go func() { _, err := w.Next(); ended <- err }()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("Next ended with %v", err)
	}
	if got := c.Get("a").Int(0); got != 1 {
		t.Errorf("a closed configuration forgot its values: %d", got)
	}
	if err := c.Load(jsonSource(`{}`)); err == nil {
		t.Error("a closed configuration loads")
	}
	if _, err := c.Watch(); err == nil {
		t.Error("a closed configuration is watched")
	}
	if err := c.Init(config.WithSource(jsonSource(`{"a":2}`))); err != nil || c.Get("a").Int(0) != 2 {
		t.Errorf("after Init: %s, %v", c.Bytes(), err)
	}
}

func TestAConfigMayBeUsedConcurrently(t *testing.T) {
	src := jsonSource(`{"a":{"b":1}}`)
	c := newConfig(t, config.WithSource(src))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				c.Get("a", "b").Int(0)
				c.Set(i, "a", "c")
				_ = c.Sync()
				_ = c.Map()
				w, err := c.Watch("a")
				if err != nil {
					t.Error(err)
					return
				}
				wg.Go(func() { _, _ = w.Next() })
				_ = w.Stop()
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			if err := c.Init(config.WithSource(src)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if got := c.Get("a", "b").Int(0); got != 1 {
		t.Errorf("got %d", got)
	}
}

// interrupted has something happen before the next use of a loader.
type interrupted struct {
	loader.Loader
	meanwhile atomic.Pointer[func()]
	watched   atomic.Bool
}

func (i *interrupted) interrupt() {
	if f := i.meanwhile.Swap(nil); f != nil {
		(*f)()
	}
}

func (i *interrupted) Load(sources ...source.Source) error {
	i.interrupt()
	return i.Loader.Load(sources...)
}

func (i *interrupted) Sync() error {
	i.interrupt()
	return i.Loader.Sync()
}

func (i *interrupted) Watch(path ...string) (loader.Watcher, error) {
	i.interrupt()
	defer i.watched.Store(true)
	return i.Loader.Watch(path...)
}

func TestInitDoesNotFailWhatRunsMeanwhile(t *testing.T) {
	uses := map[string]func(config.Config) error{
		"Load": func(c config.Config) error { return c.Load(jsonSource(`{"b":2}`)) },
		"Sync": config.Config.Sync,
		"Watch": func(c config.Config) error {
			w, err := c.Watch("a")
			if err == nil {
				err = w.Stop()
			}
			return err
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			l := &interrupted{Loader: loadermemory.NewLoader()}
			c := newConfig(t, config.WithLoader(l))
			testkit.Eventually(t, "the loader is followed", l.watched.Load)
			initialise := func() {
				if err := c.Init(config.WithSource(jsonSource(`{"a":1}`))); err != nil {
					t.Error(err)
				}
			}
			l.meanwhile.Store(&initialise)
			if err := use(c); err != nil {
				t.Errorf("while Init replaced the loader: %v", err)
			}
			if got := c.Get("a").Int(0); got != 1 {
				t.Errorf("a is %d after Init", got)
			}
			if name == "Load" && c.Get("b").Int(0) != 2 {
				t.Errorf("what was loaded is lost: %s", c.Bytes())
			}
		})
	}
}

// failing is a loader whose watch fails at first.
type failing struct {
	loader.Loader
	failures int
}

func (f *failing) Watch(path ...string) (loader.Watcher, error) {
	if f.failures--; f.failures >= 0 {
		return nil, errDown
	}
	return f.Loader.Watch(path...)
}

func TestLoaderThatCannotBeWatchedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := jsonSource(`{"a":1}`)
		f := &failing{Loader: loadermemory.NewLoader(), failures: 3}
		c, err := config.NewConfig(config.WithLoader(f), config.WithSource(src))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		write(t, src, `{"a":2}`)
		testkit.Eventually(t, "the change takes effect", func() bool { return c.Get("a").Int(0) == 2 })
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestVariablesAreTextAndReadAsWhatIsAskedFor(t *testing.T) {
	t.Setenv("TEXT_PASSWORD", "007")
	t.Setenv("TEXT_PIN", "1")
	t.Setenv("TEXT_DEBUG", "t")
	t.Setenv("TEXT_TIMEOUT", "3s")
	c := newConfig(t, config.WithSource(env.NewSource(env.WithStrippedPrefix("TEXT"))))
	for key, want := range map[string]string{"password": "007", "pin": "1", "debug": "t", "timeout": "3s"} {
		if got := c.Get(key).String(""); got != want {
			t.Errorf("%s is the text %q, want %q", key, got, want)
		}
	}
	if got := c.Get("password").Int(0); got != 7 {
		t.Errorf("as a number 007 is %d", got)
	}
	if !c.Get("debug").Bool(false) || c.Get("pin").Float64(0) != 1 || c.Get("timeout").Duration(0) != 3*time.Second {
		t.Error("text is not read as what was asked for")
	}
	var all struct {
		Password string
		Pin      int
		Debug    bool
		Timeout  time.Duration
	}
	if err := c.Scan(&all); err != nil || all.Password != "007" || all.Pin != 1 || !all.Debug || all.Timeout != 3*time.Second {
		t.Errorf("scanned %+v, %v", all, err)
	}
}

func TestAYAMLFileIsMergedOverJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yml")
	replace(t, path, "server:\n  port: 80\n")
	c := newConfig(t,
		config.WithReader(json.NewReader(reader.WithEncoder(yaml.NewEncoder()))),
		config.WithSource(jsonSource(`{"server":{"host":"a","port":1}}`)),
		config.WithSource(file.NewSource(file.WithPath(path))))
	if got := string(c.Bytes()); got != `{"server":{"host":"a","port":80}}` {
		t.Errorf("got %s", got)
	}
}
