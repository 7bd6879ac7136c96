package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// A reporter takes groups as they are finished.
type reporter interface {
	add(group) error
	// end is called after the last group.
	end() error
}

// textReport writes tables for a terminal, and the ratios at the end.
type textReport struct {
	w      io.Writer
	groups []group
}

func (t *textReport) add(g group) error {
	t.groups = append(t.groups, g)
	return writeText(t.w, g)
}

func (t *textReport) end() error { return writeRatiosText(t.w, t.groups) }

// jsonReport writes an object a result, each on its own line.
type jsonReport struct{ w io.Writer }

func (j jsonReport) add(g group) error {
	encoder := json.NewEncoder(j.w)
	for _, r := range g.results {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func (j jsonReport) end() error { return nil }

// Names of the files of a report.
const (
	markdownFile = "benchmark.md"
	chartFile    = "benchmark.svg"
)

// fileReport writes Markdown and a chart into a folder when all is measured.
type fileReport struct {
	folder string
	groups []group
}

func (f *fileReport) add(g group) error {
	f.groups = append(f.groups, g)
	return nil
}

func (f *fileReport) end() error {
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		return err
	}
	if err := f.write(markdownFile, f.markdown); err != nil {
		return err
	}
	return f.write(chartFile, func(w io.Writer) error { return writeChart(w, f.charted()) })
}

func (f *fileReport) markdown(w io.Writer) error {
	where := oneProcess
	if len(f.groups) > 0 {
		where = f.groups[0].form
	}
	_, err := fmt.Fprintf(w, "# Benchmark\n\n%s on %s/%s with %d processors. %s over loopback TCP; each number is the median of its rounds.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), where)
	if err == nil {
		err = writeRatiosMarkdown(w, f.groups)
	}
	if err == nil {
		_, err = io.WriteString(w, "## Results\n\n")
	}
	for _, g := range f.groups {
		if err == nil {
			err = writeMarkdown(w, g)
		}
	}
	return err
}

// charted are the groups of the chart: short calls, or else all there are.
func (f *fileReport) charted() []group {
	var short []group
	for _, g := range f.groups {
		if g.scenario.name == caseUnary && g.scenario.size == small {
			short = append(short, g)
		}
	}
	if len(short) == 0 {
		return f.groups
	}
	return short
}

// write makes a file of what the function writes.
func (f *fileReport) write(name string, content func(io.Writer) error) error {
	file, err := os.Create(filepath.Join(f.folder, name))
	if err != nil {
		return err
	}
	err = content(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
