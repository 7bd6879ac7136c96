package pprof_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	stdpprof "runtime/pprof"
	"strings"
	"syscall"
	"testing"

	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/profile/pprof"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// tempDir makes profiles go to a directory of the test.
func tempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	return dir
}

func wantFile(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("%s was not written: %v", path, err)
	}
}

func TestProfilesAreWrittenAgainAndAgain(t *testing.T) {
	dir := tempDir(t)
	p := pprof.NewProfile()
	for range 2 {
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"cpu.pprof", "mem.pprof"} {
			wantFile(t, filepath.Join(dir, name))
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTheNameIsPartOfTheFileNames(t *testing.T) {
	dir := tempDir(t)
	p := pprof.NewProfile(profile.Name("a/b"))
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(dir, "a-b.cpu.pprof"))
	wantFile(t, filepath.Join(dir, "a-b.mem.pprof"))
}

func TestFilesAreClosedWhenStartFails(t *testing.T) {
	tempDir(t)
	if err := stdpprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	p := pprof.NewProfile()
	before := openFiles(t)
	err := p.Start()
	after := openFiles(t)
	stdpprof.StopCPUProfile()
	if err == nil {
		t.Fatal("Start beside another CPU profile returned nil")
	}
	if after > before {
		t.Errorf("%d files were open before, %d after", before, after)
	}
	if err := p.Start(); err != nil {
		t.Errorf("Start once the profiler is free returned %v", err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

func TestAProfileThatCannotStartLeavesTheFilesAlone(t *testing.T) {
	dir := tempDir(t)
	first, second := pprof.NewProfile(), pprof.NewProfile()
	kept := map[string]string{"cpu.pprof": "of the last run", "mem.pprof": "of the last run, too"}
	for name, content := range kept {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := stdpprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	err := first.Start()
	stdpprof.StopCPUProfile()
	if err == nil {
		t.Error("Start beside another CPU profile returned nil")
	}
	for name, content := range kept {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != content {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	// Of two with the same files, the second one fails and the first one goes on.
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err == nil {
		t.Error("a second profile was started")
	}
	if err := errors.Join(second.Stop(), first.Stop()); err != nil {
		t.Fatal(err)
	}
	for name := range kept {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(got), "\x1f\x8b") {
			t.Errorf("%s begins with %.20q, %v", name, got, err)
		}
	}
}

func TestWriteErrorsAreReturned(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	for _, name := range []string{"cpu.pprof", "mem.pprof"} {
		t.Run(name, func(t *testing.T) {
			if err := os.Symlink("/dev/full", filepath.Join(tempDir(t), name)); err != nil {
				t.Fatal(err)
			}
			p := pprof.NewProfile()
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			if err := p.Stop(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Stop on a full disk returned %v", err)
			}
		})
	}
}

func TestStartReportsAMissingDirectory(t *testing.T) {
	dir := tempDir(t)
	p := pprof.NewProfile()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err == nil {
		t.Error("Start returned nil")
	}
	if err := p.Stop(); err != nil {
		t.Errorf("Stop after a failed Start returned %v", err)
	}
}

// openFiles counts the open files in the profiles' folder: the runtime opens
// others when it likes.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not list open files in /proc/self/fd")
	}
	n := 0
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && strings.HasPrefix(target, os.TempDir()) {
			n++
		}
	}
	return n
}
