package logfile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/logfile"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string, r logfile.Rotation) *logfile.File {
	t.Helper()
	l, err := logfile.Open(path, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func line(t *testing.T, l *logfile.File, format string, args ...any) {
	t.Helper()
	if _, err := fmt.Fprintf(l, format+"\n", args...); err != nil {
		t.Fatal(err)
	}
}

// lines returns the last count lines.
func lines(t *testing.T, path string, count int64) string {
	t.Helper()
	r, err := logfile.NewReader(path, count)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for {
		line, err := r.Next(t.Context(), false)
		if err == io.EOF {
			return strings.Join(out, ",")
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
}

func TestExactlyTheLastLinesAreRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	write(t, path+".2", "1\n2\n")
	write(t, path+".1", "3\n\n5\n")
	write(t, path, "6\r\n7\n")
	for count, want := range map[int64]string{
		-1: "", 0: "", 1: "7", 2: "6,7", 3: "5,6,7", 4: ",5,6,7", 5: "3,,5,6,7", 6: "2,3,,5,6,7", 7: "1,2,3,,5,6,7", 99: "1,2,3,,5,6,7",
	} {
		if got := lines(t, path, count); got != want {
			t.Errorf("the last %d lines are %q, want %q", count, got, want)
		}
	}
	write(t, path, "6\n7")
	if got := lines(t, path, 2); got != "6,7" {
		t.Errorf("got %q", got)
	}
	write(t, path, "")
	if got := lines(t, path, 2); got != ",5" {
		t.Errorf("got %q", got)
	}
}

func TestALogThatIsBeingRotatedIsReadWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	for i, text := range []string{"3", "2", "1"} {
		write(t, path+[]string{"", ".1", ".2"}[i], text+"\n")
	}
	for _, i := range [][2]string{{".2", ".3"}, {".1", ".2"}, {"", ".1"}} {
		if err := os.Rename(path+i[0], path+i[1]); err != nil {
			t.Fatal(err)
		}
		if got := lines(t, path, 99); got != "1,2,3" {
			t.Errorf("when %q is empty it has %q", i[0], got)
		}
	}
}

func TestLongLinesAreFoundAndComeInParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	long := strings.Repeat("x", 100_000)
	write(t, path, long+"\n"+long+"\nend\n")
	if got := lines(t, path, 2); got != long+",end" {
		t.Errorf("got %d bytes", len(got))
	}
	write(t, path, strings.Repeat("y", 3<<20)+"\n")
	for part := range strings.SplitSeq(lines(t, path, 1), ",") {
		if len(part) > 2<<20 {
			t.Errorf("a part has %d bytes", len(part))
		}
	}
}

func TestALogIsRotatedBetweenLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	l := open(t, path, logfile.Rotation{Size: 10, Keep: 2})
	for i := range 9 {
		line(t, l, "l%03d", i)
	}
	for name, want := range map[string]string{path: "l008\n", path + ".1": "l006\nl007\n", path + ".2": "l004\nl005\n"} {
		if text, err := os.ReadFile(name); string(text) != want {
			t.Errorf("%s has %q, %v", name, text, err)
		}
	}
	if _, err := os.Stat(path + ".3"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file too many: %v", err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	if _, err := l.Write([]byte("x\n")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
	again := open(t, path, logfile.Rotation{Size: 10})
	line(t, again, "l009")
	line(t, again, "l010")
	if got := lines(t, path, 1); got != "l010" {
		t.Errorf("got %q", got)
	}
}

func TestAFollowerMissesNoLineOfARotatedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	l := open(t, path, logfile.Rotation{Size: 2000, Keep: 100})
	line(t, l, "before")
	r, err := logfile.NewReader(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const n = 5000
	go func() {
		for i := range n {
			fmt.Fprintf(l, "line %d\n", i)
		}
	}()
	for i := range n {
		got, err := r.Next(t.Context(), true)
		if want := fmt.Sprintf("line %d", i); got != want || err != nil {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if got, err := r.Next(ctx, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAFollowerReadsALogThatIsEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	l := open(t, path, logfile.Rotation{})
	line(t, l, "a longer line")
	r, err := logfile.NewReader(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.Next(t.Context(), true); got != "a longer line" || err != nil {
		t.Fatal(got, err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	line(t, l, "short")
	if got, err := r.Next(t.Context(), true); got != "short" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhatIsNoLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := logfile.Open(dir, logfile.Rotation{}); err == nil {
		t.Error("a folder is a log")
	}
	if _, err := logfile.NewReader(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := logfile.Open(os.DevNull, logfile.Rotation{}); err == nil {
		t.Error("a device is a log")
	}
}
