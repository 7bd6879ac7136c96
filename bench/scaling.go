package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/justcy/go-micro/bench/internal/scale"
)

// scalingFile is the name of the table in a report.
const scalingFile = "scaling.md"

// scaling measures how costs grow with the work, and writes the table.
func (f flags) scaling(stdout, stderr io.Writer) error {
	if f.split || f.quick || f.peer != "" || f.before != "" || f.callers > 0 || f.size > 0 {
		return errors.New("-scale goes with -case, -json, -report and the profiles alone")
	}
	rows, err := choose(scale.Rows(), f.name, func(r scale.Row) string { return r.Name })
	if err != nil {
		return err
	}
	var results []scale.Result
	for i, row := range rows {
		_, _ = fmt.Fprintf(stderr, "%d/%d %s\n", i+1, len(rows), row.Name) // only for who watches
		r, err := scale.Run(row)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if f.report != "" {
		if err := f.scalingReport(results); err != nil {
			return err
		}
	}
	if f.json {
		return scale.WriteJSON(stdout, results)
	}
	return scale.WriteText(stdout, results)
}

func (f flags) scalingReport(results []scale.Result) error {
	if err := os.MkdirAll(f.report, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(f.report, scalingFile))
	if err != nil {
		return err
	}
	return errors.Join(scale.WriteMarkdown(file, results), file.Close())
}
