package logfile_test

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/logfile"
)

// Whatever a log has, and however it is spread over files, its last lines are those
// that one sees who reads all of it.
func FuzzTheLastLines(f *testing.F) {
	f.Add("a\nb\n", "c\r\n\nd", uint8(3))
	f.Add("", "\n", uint8(1))
	f.Add(strings.Repeat("x", 33_000)+"\n", strings.Repeat("y\n", 100), uint8(101))
	f.Fuzz(func(t *testing.T, before, text string, count uint8) {
		if len(before)+len(text) > 1<<20 {
			t.Skip("long lines come in parts")
		}
		if before != "" && !strings.HasSuffix(before, "\n") {
			before += "\n" // files are rotated between lines
		}
		path := filepath.Join(t.TempDir(), "a.log")
		write(t, path+".1", before)
		write(t, path, text)
		var want []string
		for line := range strings.Lines(before + text) {
			line = strings.TrimSuffix(line, "\n")
			want = append(want, line)
		}
		for i, line := range want { // a carriage return belongs to the end of a line that has one
			if i < len(want)-1 || strings.HasSuffix(before+text, "\n") {
				want[i] = strings.TrimSuffix(line, "\r")
			}
		}
		want = want[max(0, len(want)-int(count)):]
		r, err := logfile.NewReader(path, int64(count))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got []string
		for {
			line, err := r.Next(t.Context(), false)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the last %d lines are %q, want %q", count, got, want)
		}
	})
}
