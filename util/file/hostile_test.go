package file_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/util/file"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

// layout makes a folder with ways out of it, and returns it and what is outside.
func layout(t testing.TB) (dir, outside string) {
	t.Helper()
	outside = t.TempDir()
	dir = filepath.Join(outside, "served")
	must(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	put(t, []byte("secret"), outside, "secret")
	put(t, []byte("hello"), dir, "f")
	must(t, os.Symlink("f", filepath.Join(dir, "inside")))
	must(t, os.Symlink("../secret", filepath.Join(dir, "link")))
	must(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "absolute")))
	must(t, os.Symlink("..", filepath.Join(dir, "up")))
	must(t, os.Symlink("../new", filepath.Join(dir, "dangling")))
	return dir, outside
}

func TestNamesThatLeaveTheFolderAreRefused(t *testing.T) {
	dir, outside := layout(t)
	files, _ := serveFolder(t, dir)
	long := strings.Repeat("sub/../", 1500) + "f"
	for _, name := range []string{
		"..", "../secret", "sub/../../secret", "sub/../../served/f", "./../secret", "../served/f",
		filepath.Join(outside, "secret"), filepath.Join(dir, "f"), "/", "//f",
		"link", "absolute", "up/secret", "up/new", "dangling", "sub/../up/secret",
		"f\x00", "\x00", "../secret\x00", long, strings.Repeat("../", 4<<10),
	} {
		for _, truncate := range []bool{false, true} {
			id, err := files.Open(name, truncate)
			if err == nil {
				t.Errorf("Open(%.40q, %v) gave session %d", name, truncate, id)
				continue
			}
			if text := err.Error(); strings.Contains(text, outside) && !strings.Contains(name, outside) || len(text) > 2000 {
				t.Errorf("Open(%.40q) tells too much: %s", name, text)
			}
		}
		if rsp, err := files.Stat(name); err == nil {
			t.Errorf("Stat(%.40q) gave %v", name, rsp)
		}
		if err := files.Download(name, filepath.Join(t.TempDir(), "f")); err == nil {
			t.Errorf("%.40q was downloaded", name)
		}
	}
	wantFile(t, []byte("secret"), outside, "secret")
	if found, _ := file.Exists(filepath.Join(outside, "new")); found {
		t.Error("a link made a file outside")
	}
}

func serveFolder(t testing.TB, dir string, opts ...file.Option) (file.File, direct) {
	t.Helper()
	reg := newRegistry()
	h := file.NewLimitedHandler(dir, opts...)
	serve(t, reg, h)
	return file.New("files", newClient(t, reg)), direct{h}
}

func TestNamesThatStayInTheFolderAreServed(t *testing.T) {
	dir, _ := layout(t)
	d := newDirect(t, dir)
	for _, name := range []string{"f", "./f", "sub/../f", "inside", "sub/new", "..f", "a b", "ü", `back\slash`, "%2e%2e", "'; --"} {
		id, err := d.open(name, name != "f")
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		must(t, d.close(id))
	}
}

func TestTheFolderMayBeMadeLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	d := newDirect(t, dir)
	if _, err := d.open("f", true); err == nil || strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	must(t, os.Mkdir(dir, 0o755))
	_, err := d.open("f", true)
	must(t, err)
}

func TestAFileThatCannotBeWrittenCanBeRead(t *testing.T) {
	program, err := os.Executable() // being run, it is busy
	must(t, err)
	dir := filepath.Dir(program)
	d := newDirect(t, dir)
	id, err := d.open(filepath.Base(program), false)
	must(t, err)
	if rsp, err := d.read(id, 0, 4); err != nil || len(rsp.Data) != 4 {
		t.Errorf("got %v, %v", rsp, err)
	}
	if err := d.write(id, 0, []byte("x")); err == nil {
		t.Error("it was written")
	}
}

func TestOpenWithoutTruncateDoesNotCreate(t *testing.T) {
	dir := t.TempDir()
	_, err := newDirect(t, dir).open("missing", false)
	wantError(t, err, "go.micro.server", `open "missing": no such file or directory`)
	if found, _ := file.Exists(filepath.Join(dir, "missing")); found {
		t.Error("it was created")
	}
}

func TestSizesOutOfRangeAreRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, []byte("hello"), dir, "f")
	files, d := serveFolder(t, dir, file.MaxFileSize(100))
	id, err := files.Open("f", false)
	must(t, err)
	for _, c := range []struct{ offset, size int64 }{{-1, 1}, {0, -1}, {math.MinInt64, math.MinInt64}, {math.MaxInt64, -1}} {
		if rsp, err := d.read(id, c.offset, c.size); err == nil {
			t.Errorf("read %d at %d: %v", c.size, c.offset, rsp)
		}
		if data, err := files.ReadAt(id, c.offset, c.size); err == nil {
			t.Errorf("ReadAt %d at %d: %v", c.size, c.offset, data)
		}
	}
	for _, offset := range []int64{-1, math.MinInt64, 96, 1 << 40, math.MaxInt64, math.MaxInt64 - 4} {
		if err := files.Write(id, offset, []byte("hello")); err == nil {
			t.Errorf("wrote at %d", offset)
		}
	}
	must(t, files.Write(id, 95, []byte("hello")))
	must(t, files.Close(id))
	info, err := os.Stat(filepath.Join(dir, "f"))
	must(t, err)
	if info.Size() != 100 {
		t.Errorf("the file has %d bytes", info.Size())
	}
}

func TestAReadAllocatesNoMoreThanTheFileFills(t *testing.T) {
	dir := t.TempDir()
	put(t, []byte("hello"), dir, "f")
	d := newDirect(t, dir)
	id, err := d.open("f", false)
	must(t, err)
	for _, offset := range []int64{0, 4, 1 << 50, math.MaxInt64} {
		rsp, err := d.read(id, offset, math.MaxInt64)
		if err != nil || cap(rsp.Data) > 8192 || !rsp.Eof {
			t.Errorf("at %d: capacity %d, eof %v, %v", offset, cap(rsp.Data), rsp.Eof, err)
		}
	}
	must(t, os.Truncate(filepath.Join(dir, "f"), 1<<40)) // sparse
	if rsp, err := d.read(id, 0, math.MaxInt64); err != nil || rsp.Size != 8<<20 || rsp.Eof {
		t.Errorf("%d bytes, eof %v, %v; want 8 MiB", rsp.Size, rsp.Eof, err)
	}
}

func TestUnknownSessionsAreRefused(t *testing.T) {
	files, dir := newFiles(t)
	put(t, []byte("hello"), dir, "f")
	id, err := files.Open("f", false)
	must(t, err)
	for _, guess := range []int64{0, 1, 2, 3, -1, id - 1, id + 1, -id, math.MaxInt64, math.MinInt64} {
		_, err := files.ReadAt(guess, 0, 1)
		wantError(t, err, "go.micro.srv.file", "You must call open first.")
		wantError(t, files.Write(guess, 0, []byte("x")), "go.micro.srv.file", "You must call open first.")
		check(t, files.Close(guess))
	}
	wantFile(t, []byte("hello"), dir, "f")
	check(t, files.Close(id))
	check(t, files.Close(id))
	_, err = files.ReadAt(id, 0, 1)
	wantError(t, err, "go.micro.srv.file", "You must call open first.")
}

func TestSessionsCannotBeGuessed(t *testing.T) {
	dir := t.TempDir()
	put(t, nil, dir, "f")
	d := newDirect(t, dir)
	var high int
	seen := map[int64]bool{}
	for range 200 {
		id, err := d.open("f", false)
		must(t, err)
		if id <= 0 || seen[id] {
			t.Fatalf("session %d", id)
		}
		seen[id] = true
		if id > 1<<40 {
			high++
		}
	}
	if high < 190 {
		t.Errorf("only %d of 200 ids are large", high)
	}
}

func TestOpenFilesAreLimited(t *testing.T) {
	dir := t.TempDir()
	put(t, []byte("hello"), dir, "f")
	d := newDirect(t, dir, file.MaxSessions(2))
	first, err := d.open("f", false)
	must(t, err)
	for range 10 { // failures use up nothing
		if _, err := d.open("missing", false); err == nil {
			t.Fatal("a missing file was opened")
		}
	}
	_, err = d.open("f", false)
	must(t, err)
	if _, err = d.open("f", true); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("got %v", err)
	}
	wantFile(t, []byte("hello"), dir, "f") // not truncated
	must(t, d.close(first))
	must(t, d.close(first)) // counts once
	_, err = d.open("f", false)
	must(t, err)
	if _, err = d.open("f", false); err == nil {
		t.Error("a third session")
	}
}

func TestShutdownEndsSessionsForGood(t *testing.T) {
	dir := t.TempDir()
	put(t, []byte("hello"), dir, "f")
	d := newDirect(t, dir)
	id, err := d.open("f", false)
	must(t, err)
	before := descriptors(t, dir)
	must(t, d.h.Shutdown())
	must(t, d.h.Shutdown())
	if _, err := d.read(id, 0, 1); err == nil {
		t.Error("the session is there")
	}
	if _, err := d.open("f", true); err == nil {
		t.Error("a new session")
	}
	wantFile(t, []byte("hello"), dir, "f")
	if before != 1 || descriptors(t, dir) != 0 {
		t.Errorf("%d descriptors, then %d", before, descriptors(t, dir))
	}
}

func TestEveryTransferGivesItsDescriptorsBack(t *testing.T) {
	files, dir := newFiles(t)
	local := t.TempDir()
	put(t, content(file.BlockSize+1), dir, "f")
	must(t, files.Download("f", filepath.Join(local, "f")))
	must(t, files.Upload(filepath.Join(local, "f"), "g"))
	if err := files.Download("f", filepath.Join(local, "missing", "f")); err == nil {
		t.Error("saved in a folder that is not there")
	}
	if err := files.Upload(filepath.Join(local, "f"), "missing/f"); err == nil {
		t.Error("uploaded into a folder that is not there")
	}
	if n := descriptors(t, dir) + descriptors(t, local); n != 0 {
		t.Errorf("%d are open", n)
	}
}

// descriptors counts the open files of this process below dir.
func descriptors(t testing.TB, dir string) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd to count descriptors in")
	}
	for _, e := range list {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(target, dir+"/") {
			n++
		}
	}
	return n
}

func TestASessionMayBeClosedWhileItIsUsed(t *testing.T) {
	dir := t.TempDir()
	put(t, content(1<<20), dir, "f")
	d := newDirect(t, dir)
	for range 50 {
		id, err := d.open("f", false)
		must(t, err)
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				if _, err := d.read(id, int64(i), 1<<20); err != nil {
					wantError(t, err, "go.micro.srv.file", "You must call open first.")
				}
			})
			group.Go(func() { check(t, d.close(id)) })
		}
		group.Wait()
	}
	if n := descriptors(t, dir); n != 0 {
		t.Errorf("%d descriptors are open", n)
	}
}

func FuzzNoNameLeavesTheFolder(f *testing.F) {
	for _, name := range []string{"f", "../secret", "/etc/passwd", "up/secret", "link", "sub/../../x", "a\x00", "", "up/../../new", "dangling/x", "sub/./f"} {
		f.Add(name, true)
		f.Add(name, false)
	}
	dir, outside := layout(f)
	d := newDirect(f, dir)
	f.Fuzz(func(t *testing.T, name string, truncate bool) {
		if id, err := d.open(name, truncate); err == nil {
			must(t, d.write(id, 0, []byte("overwritten")))
			must(t, d.close(id))
		}
		_ = d.h.Stat(context.Background(), &proto.StatRequest{Filename: name}, &proto.StatResponse{})
		wantFile(t, []byte("secret"), outside, "secret")
		if list, err := os.ReadDir(outside); err != nil || len(list) != 2 {
			t.Fatalf("%q, %v: %v, %v are outside", name, truncate, list, err)
		}
	})
}

func FuzzReadsAndWritesStayInBounds(f *testing.F) {
	f.Add(int64(0), int64(10), []byte("x"))
	f.Add(int64(-1), int64(math.MaxInt64), []byte{})
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), []byte("overflow"))
	dir := f.TempDir()
	const limit = 1 << 16
	d := newDirect(f, dir, file.MaxFileSize(limit))
	f.Fuzz(func(t *testing.T, offset, size int64, data []byte) {
		id, err := d.open("f", true)
		must(t, err)
		defer func() { check(t, d.close(id)) }()
		written := d.write(id, offset, data) == nil
		if want := offset >= 0 && offset <= limit-int64(len(data)); written != want {
			t.Fatalf("wrote %d bytes at %d: %v", len(data), offset, written)
		}
		rsp, err := d.read(id, offset, size)
		if (err == nil) != (offset >= 0 && size >= 0) {
			t.Fatalf("read %d at %d: %v", size, offset, err)
		}
		if err == nil && written && string(rsp.Data) != string(data[:min(int64(len(data)), size)]) {
			t.Fatalf("read %s, wrote %s", fmt.Sprint(rsp.Data), fmt.Sprint(data))
		}
	})
}
