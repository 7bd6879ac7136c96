package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/file"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	paths := map[source.Source]string{}
	for name, change := range map[string]func(t testing.TB, path, text string){"replaced": replace, "overwritten": overwrite} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, sourcetest.Harness{
				New: func(t testing.TB, document string) source.Source {
					path := filepath.Join(t.TempDir(), "config.json")
					overwrite(t, path, document)
					s := file.NewSource(file.WithPath(path))
					paths[s] = path
					return s
				},
				Change: func(t testing.TB, s source.Source, document string) { change(t, paths[s], document) },
			})
		})
	}
}

func TestConformanceInAFileSystemOfTheUsers(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New: func(_ testing.TB, document string) source.Source {
			files := fstest.MapFS{"etc/config.json": {Data: []byte(document), ModTime: time.Unix(1, 0)}}
			return file.NewSource(file.WithFS(files), file.WithPath("etc/config.json"))
		},
		NoChange: true,
	})
}

func overwrite(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func replace(t testing.TB, path, text string) {
	t.Helper()
	overwrite(t, path+"~", text)
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, path string) source.Watcher {
	t.Helper()
	w, err := file.NewSource(file.WithPath(path)).Watch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	return w
}

// expect fails unless the watcher tells of the text. The test's own deadline
// ends a watcher that tells of nothing.
func expect(t *testing.T, w source.Watcher, want string) {
	t.Helper()
	set, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(set.Data); got != want {
		t.Fatalf("told of %q, want %q", got, want)
	}
}

func TestSetDescribesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.json")
	overwrite(t, path, `{}`)
	modified := time.Unix(1e9, 0)
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	s := file.NewSource(file.WithPath(path))
	set, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if set.Format != "json" || set.Source != "file" || !set.Timestamp.Equal(modified) || s.(source.Locator).Location() != path {
		t.Errorf("the set is %+v", set)
	}
}

func TestTheFormatIsTheExtensionInAnyCase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "conf.d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"app": "yaml", "app.toml": "toml", "app.prod.json": "json", "APP.JSON": "json", "app.Yml": "yml"} {
		path := filepath.Join(dir, name)
		overwrite(t, path, "x")
		set, err := file.NewSource(file.WithPath(path), source.WithEncoder(yaml.NewEncoder())).Read()
		if err != nil || set.Format != want {
			t.Errorf("%s: format %q, %v, want %q", name, set.Format, err, want)
		}
	}
}

func TestErrorsNameThePath(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.json")
	s := file.NewSource(file.WithPath(missing))
	_, readErr := s.Read()
	_, watchErr := s.Watch()
	_, dirErr := file.NewSource(file.WithPath(t.TempDir())).Read()
	for name, err := range map[string]error{"read": readErr, "watch": watchErr} {
		if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if dirErr == nil {
		t.Error("a directory can be read")
	}
	huge := filepath.Join(t.TempDir(), "huge.json")
	overwrite(t, huge, "")
	if err := os.Truncate(huge, 1<<30); err != nil {
		t.Fatal(err)
	}
	if _, err := file.NewSource(file.WithPath(huge)).Read(); err == nil || !strings.Contains(err.Error(), "the limit of 67108864 bytes") {
		t.Errorf("a huge file: %v", err)
	}
	if os.Getuid() == 0 {
		return // root may read everything
	}
	if err := os.Chmod(huge, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := file.NewSource(file.WithPath(huge)).Read(); !errors.Is(err, os.ErrPermission) {
		t.Errorf("no permission: %v", err)
	}
}

func TestTheDefaultPathIsConfigJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	overwrite(t, "config.json", `{"default":true}`)
	if set, err := file.NewSource().Read(); err != nil || string(set.Data) != `{"default":true}` {
		t.Errorf("read %v, %v", set, err)
	}
	w := watch(t, "config.json") // a relative path
	replace(t, "config.json", `{"default":false}`)
	expect(t, w, `{"default":false}`)
}

// configMap is a directory as Kubernetes mounts it: config.json is a link to
// ..data/config.json, and ..data a link to the directory of a version.
type configMap struct {
	dir     string
	version int
}

func (c *configMap) put(t *testing.T, text string) {
	t.Helper()
	old := fmt.Sprintf("..version%d", c.version)
	c.version++
	name := fmt.Sprintf("..version%d", c.version)
	if err := os.Mkdir(filepath.Join(c.dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(c.dir, name, "config.json"), text)
	link(t, name, filepath.Join(c.dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(c.dir, "..data_tmp"), filepath.Join(c.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(c.dir, old)); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestASymlinkSwapIsSeen(t *testing.T) {
	c := &configMap{dir: t.TempDir()}
	c.put(t, "0")
	link(t, filepath.Join("..data", "config.json"), filepath.Join(c.dir, "config.json"))
	w := watch(t, filepath.Join(c.dir, "config.json"))
	for i := range 5 {
		text := fmt.Sprint("version ", i)
		c.put(t, text)
		expect(t, w, text)
	}
}

func TestLinkedDirectoryIsSwapped(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"v1", "v2"} {
		if err := os.MkdirAll(filepath.Join(dir, "releases", version), 0o700); err != nil {
			t.Fatal(err)
		}
		overwrite(t, filepath.Join(dir, "releases", version, "config.json"), version)
	}
	link(t, filepath.Join(dir, "releases", "v1"), filepath.Join(dir, "current"))
	w := watch(t, filepath.Join(dir, "current", "config.json"))
	link(t, filepath.Join(dir, "releases", "v2"), filepath.Join(dir, "next"))
	if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	expect(t, w, "v2")
	replace(t, filepath.Join(dir, "releases", "v2", "config.json"), "v3")
	expect(t, w, "v3")
}

func TestDirectoryIsMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "config.json")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, "1")
	w := watch(t, path)
	if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, "2")
	expect(t, w, "2")
}

func TestAReplacedFileIsStillWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, "0")
	w := watch(t, path)
	for i := range 10 {
		text := fmt.Sprint("text ", i)
		replace(t, path, text)
		expect(t, w, text)
	}
}

func TestTruncationLeavesTheConfigAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, "1")
	w := watch(t, path)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	overwrite(t, path, "2")
	expect(t, w, "2")
}

func TestOtherFilesOfTheDirectoryAreNotTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, "1")
	w := watch(t, path)
	overwrite(t, filepath.Join(filepath.Dir(path), "other.json"), "x")
	replace(t, path, "2")
	expect(t, w, "2")
}

func TestAFileThatHoldsTheSameAgainIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, "1")
	w := watch(t, path)
	replace(t, path, "1") // somebody may have read it while it held something else
	expect(t, w, "1")
}

func TestNextFailsAfterStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	overwrite(t, path, "1")
	w := watch(t, path)
	for range 2 {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}
	overwrite(t, path, "2")
	for range 3 {
		if set, err := w.Next(); !errors.Is(err, source.ErrWatcherStopped) {
			t.Errorf("Next returned %v, %v", set, err)
		}
	}
}

func TestACircleOfLinksIsAnError(t *testing.T) {
	dir := t.TempDir()
	link(t, "b", filepath.Join(dir, "a"))
	link(t, "a", filepath.Join(dir, "b"))
	s := file.NewSource(file.WithPath(filepath.Join(dir, "a")))
	if _, err := s.Read(); err == nil {
		t.Error("a circle of links can be read")
	}
	if _, err := s.Watch(); err == nil {
		t.Error("a circle of links is watched")
	}
}
