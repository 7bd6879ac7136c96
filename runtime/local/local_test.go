//go:build unix

package local_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/runtime/local"
)

func newRuntime(t *testing.T) (runtime.Runtime, string) {
	t.Helper()
	testkit.NoLeaks(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r := local.NewRuntime()
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r, dir
}

// pack packs files, each a name and a text.
func pack(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o755, Size: int64(len(files[i+1]))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func upload(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, "micro", "uploads", name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, r runtime.Runtime, s *runtime.Service) string {
	t.Helper()
	logs, err := r.Logs(s, runtime.LogsCount(100))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for record := range logs.Chan() {
		all = append(all, record.Message)
	}
	return strings.Join(all, ",")
}

func await(t *testing.T, r runtime.Runtime, s *runtime.Service, want string) {
	t.Helper()
	testkit.Eventually(t, "the log has "+want, func() bool { return lines(t, r, s) == want })
}

func TestTheDefaultRuntimeIsTheLocalOne(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := &runtime.Service{Name: "a"}
	if err := runtime.DefaultRuntime.Create(s, runtime.WithCommand("echo", "hello")); err != nil {
		t.Fatal(err)
	}
	await(t, runtime.DefaultRuntime, s, "hello")
	if err := errors.Join(runtime.DefaultRuntime.Delete(s), runtime.DefaultRuntime.Stop()); err != nil {
		t.Error(err)
	}
	if local.NewRuntime().String() != "local" {
		t.Error("it has another name")
	}
}

func TestAnUploadRunsInItsFolderAndIsReplaced(t *testing.T) {
	r, dir := newRuntime(t)
	upload(t, dir, "me/a.tar.gz", pack(t, "bin/run", "#!/bin/sh\necho first; ls"))
	s := &runtime.Service{Name: "a", Source: "me/a.tar.gz"}
	if err := r.Create(s, runtime.WithCommand("bin/run")); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "micro", "uploads", "me", "a"); s.Source != want {
		t.Errorf("the source is %s, want %s", s.Source, want)
	}
	await(t, r, s, "first,bin")
	upload(t, dir, "me/a.tar.gz", pack(t, "bin/run", "#!/bin/sh\necho second; ls", "new", ""))
	if err := r.Update(&runtime.Service{Name: "a", Source: "me/a.tar.gz"}); err != nil {
		t.Fatal(err)
	}
	await(t, r, s, "first,bin,second,bin,new")
}

func TestABadUploadChangesNothing(t *testing.T) {
	r, dir := newRuntime(t)
	upload(t, dir, "a.tar.gz", pack(t, "run", "#!/bin/sh\nexec sleep 1000"))
	s := &runtime.Service{Name: "a", Source: "a.tar.gz"}
	if err := r.Create(s, runtime.WithCommand("./run")); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"leads out": pack(t, "../x", "x"), "is cut": pack(t, "run", "new")[:20], "is none": []byte("x")} {
		upload(t, dir, "a.tar.gz", data)
		if err := r.Update(&runtime.Service{Name: "a", Source: "a.tar.gz"}); err == nil {
			t.Errorf("an upload that %s was taken", name)
		}
	}
	all, _ := r.Read()
	if text, err := os.ReadFile(filepath.Join(s.Source, "run")); string(text) != "#!/bin/sh\nexec sleep 1000" || len(all) != 1 || all[0].Metadata["status"] != "running" {
		t.Errorf("it was changed: %q, %v, %v", text, err, all)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "micro", "uploads", ".*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, "micro", "uploads", "x")); err == nil {
		t.Error("written outside of the folder")
	}
}

func TestOnlyArchivesBelowTheFolderForUploadsAreOnes(t *testing.T) {
	r, dir := newRuntime(t)
	t.Setenv("PATH", "") // nothing is fetched
	upload(t, dir, "folder/file", nil)
	canary := filepath.Join(dir, "micro", "canary")
	if err := os.WriteFile(canary+".tar.gz", pack(t, "x", ""), 0o644); err != nil {
		t.Fatal(err)
	}
	uploads := filepath.Join(dir, "micro", "uploads")
	err := errors.Join(os.Mkdir(filepath.Join(uploads, "dir.tar.gz"), 0o755), os.Symlink(canary+".tar.gz", filepath.Join(uploads, "link.tar.gz")),
		os.WriteFile(filepath.Join(uploads, ".tar.gz"), pack(t, "x", ""), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{"folder", "folder/file", "../canary.tar.gz", "dir.tar.gz", "link.tar.gz", ".tar.gz", "folder/../../canary.tar.gz"} {
		if err := r.Create(&runtime.Service{Name: "a", Source: source}, runtime.WithCommand("/bin/true")); err == nil {
			t.Errorf("%s was run", source)
		}
	}
	for _, kept := range []string{"folder/file", "dir.tar.gz", "link.tar.gz"} {
		if _, err := os.Lstat(filepath.Join(uploads, kept)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("unpacked what was not uploaded")
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func TestAServiceRunsFromItsRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r, dir := newRuntime(t)
	origin := t.TempDir()
	config := filepath.Join(t.TempDir(), "config")
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	if err := os.WriteFile(config, []byte("[url \"file://"+origin+"\"]\n\tinsteadOf = https://github.com/o/r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	commit := func(text string) {
		if err := errors.Join(os.MkdirAll(filepath.Join(origin, "a"), 0o755), os.WriteFile(filepath.Join(origin, "a", "run"), []byte("#!/bin/sh\necho "+text), 0o755)); err != nil {
			t.Fatal(err)
		}
		git(t, origin, "add", "-A")
		git(t, origin, "commit", "-q", "-m", text)
	}
	git(t, origin, "init", "-q", "--initial-branch", "main")
	commit("first")
	git(t, origin, "tag", "v1")
	commit("second")
	s := &runtime.Service{Name: "a", Version: "v1", Source: "github.com/o/r/a"}
	if err := r.Create(s, runtime.WithCommand("./run")); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "github.com-o-r", "a"); s.Source != want {
		t.Errorf("the source is %s, want %s", s.Source, want)
	}
	await(t, r, s, "first")
	latest := &runtime.Service{Name: "a", Version: "latest", Source: "github.com/o/r/a"}
	if err := r.Create(latest, runtime.WithCommand("./run")); err != nil {
		t.Fatal(err)
	}
	await(t, r, latest, "second")
	commit("third")
	if err := r.Update(&runtime.Service{Name: "a", Version: "latest"}); err != nil {
		t.Fatal(err)
	}
	await(t, r, latest, "second,third")
	if err := r.Create(&runtime.Service{Name: "b", Version: "v9", Source: "github.com/o/r/a"}); err == nil || !strings.Contains(err.Error(), "v9") {
		t.Errorf("got %v", err)
	}
}
