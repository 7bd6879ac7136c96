package targz_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/upload/targz"
)

// entry is a file unless its header says something else.
type entry struct {
	tar.Header
	text string
}

func file(name, text string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, text}
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		e.Size = int64(len(e.text))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack unpacks an archive into a folder and returns what is there then. It
// fails when something is written outside.
func unpack(t testing.TB, l targz.Limits, archive []byte) (names []string, folder string, err error) {
	t.Helper()
	outer := t.TempDir()
	folder = filepath.Join(outer, "inner")
	path := filepath.Join(outer, "a.tar.gz")
	if err := errors.Join(os.Mkdir(folder, 0o755), os.WriteFile(path, archive, 0o644)); err != nil {
		t.Fatal(err)
	}
	err = l.Unpack(context.Background(), path, folder)
	if all, _ := os.ReadDir(outer); len(all) != 2 {
		t.Errorf("written outside of the folder: %v", all)
	}
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, _ error) error {
		if name, _ := filepath.Rel(folder, path); name != "." {
			names = append(names, name)
		}
		return nil
	})
	return names, folder, err
}

func TestFoldersAndFilesAreUnpacked(t *testing.T) {
	script := file("bin/run.sh", "#!/bin/sh\n")
	script.Mode = 0o755
	names, folder, err := unpack(t, targz.DefaultLimits, pack(t,
		entry{Header: tar.Header{Name: "./", Typeflag: tar.TypeDir}}, file("./main.go", "first"), file("main.go", "second"),
		script, entry{Header: tar.Header{Name: "empty/", Typeflag: tar.TypeDir, Mode: 0o700}}, file("a/b/c/deep", "x"), file("..a", "y")))
	if err != nil || strings.Join(names, " ") != "..a a a/b a/b/c a/b/c/deep bin bin/run.sh empty main.go" {
		t.Fatalf("got %q, %v", names, err)
	}
	if text, _ := os.ReadFile(filepath.Join(folder, "main.go")); string(text) != "second" {
		t.Errorf("main.go says %q", text)
	}
	if info, _ := os.Stat(filepath.Join(folder, "bin/run.sh")); info.Mode().Perm() != 0o755 {
		t.Errorf("the script has mode %v", info.Mode())
	}
}

func TestNamesThatLeadOutAreRefused(t *testing.T) {
	for _, name := range []string{"../x", "a/../x", "a/../../x", "..", "a/..", "/etc/x", `a\b`, `..\x`} {
		_, _, err := unpack(t, targz.DefaultLimits, pack(t, file(name, "x")))
		if err == nil || !strings.Contains(err.Error(), "tar contained invalid name error") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLinksAndDevicesAreSkipped(t *testing.T) {
	var entries []entry
	for name, kind := range map[string]byte{"link": tar.TypeSymlink, "hard": tar.TypeLink, "dev": tar.TypeChar, "block": tar.TypeBlock, "fifo": tar.TypeFifo} {
		entries = append(entries, entry{Header: tar.Header{Name: name, Typeflag: kind, Linkname: "../../outside"}})
	}
	names, _, err := unpack(t, targz.DefaultLimits, pack(t, append(entries, file("link/x", "through"))...))
	if err != nil || !slices.Equal(names, []string{"link", "link/x"}) {
		t.Errorf("got %q, %v", names, err)
	}
}

func TestAnArchiveCannotFillTheDisk(t *testing.T) {
	small := targz.Limits{Bytes: 100, Entries: 3}
	if _, _, err := unpack(t, small, pack(t, file("a", strings.Repeat("x", 60)), file("b", strings.Repeat("x", 60)))); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("got %v", err)
	}
	if _, _, err := unpack(t, small, pack(t, file("a", ""), file("b", ""), file("c", ""), file("d", ""))); err == nil || !strings.Contains(err.Error(), "3 entries") {
		t.Errorf("got %v", err)
	}
	if _, _, err := unpack(t, small, pack(t, file("a/b/c/d", ""))); err == nil || !strings.Contains(err.Error(), "3 entries") {
		t.Errorf("the folders of a file do not count: %v", err)
	}
	if _, _, err := unpack(t, small, pack(t, entry{Header: tar.Header{Name: "a/b/c/d/", Typeflag: tar.TypeDir}})); err == nil || !strings.Contains(err.Error(), "3 entries") {
		t.Errorf("the folders of a folder do not count: %v", err)
	}
	if _, _, err := unpack(t, small, pack(t, file("a/b", ""), file("a/b", ""), entry{Header: tar.Header{Name: "a", Typeflag: tar.TypeDir}})); err != nil {
		t.Errorf("a folder counts twice: %v", err)
	}
	if _, _, err := unpack(t, targz.DefaultLimits, pack(t, file(strings.Repeat("d/", 600)+"f", ""))); err == nil || !strings.Contains(err.Error(), "1201 bytes") {
		t.Errorf("got %v", err)
	}
	bomb := file("a", "")
	bomb.PAXRecords = map[string]string{"comment.x": strings.Repeat("x", 500_000)}
	if _, _, err := unpack(t, small, pack(t, bomb)); err == nil {
		t.Error("headers are not bounded")
	}
}

func TestWhatIsNoArchiveIsNamed(t *testing.T) {
	whole := pack(t, file("a", strings.Repeat("random", 1000)))
	for name, data := range map[string][]byte{"empty": nil, "no gzip": []byte("hello"), "cut": whole[:len(whole)/2]} {
		if _, _, err := unpack(t, targz.DefaultLimits, data); err == nil || !strings.Contains(err.Error(), "a.tar.gz") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	_ = os.WriteFile(path, whole, 0o644)
	if err := targz.Unpack(ctx, path, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Whatever an archive has, nothing is written outside of the folder and within
// no more than the limits.
func FuzzUnpack(f *testing.F) {
	f.Add(pack(f, file("a/b", "text"), entry{Header: tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/"}}, file("l/x", "y")))
	f.Add(pack(f, file("../a", "x")))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, folder, _ := unpack(t, targz.Limits{Bytes: 1 << 16, Entries: 50}, data)
		var total int64
		entries := -1 // the folder itself
		_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, _ error) error {
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
				total += info.Size()
			} else if err == nil && !info.IsDir() {
				t.Errorf("unpacked %s", info.Mode())
			}
			entries++
			return nil
		})
		if total > 1<<16 || entries > 50 {
			t.Errorf("unpacked %d bytes in %d files and folders", total, entries)
		}
	})
}
