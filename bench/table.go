package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// columns are the headings of a table of results.
var columns = []string{"peer", "calls/s", "± rounds", "MB/s", "p50 µs", "p99 µs", "allocs", "bytes", "CPU s/10k", "× best", "× grpc-go"}

// cells are a result as text. MB/s counts the body in one direction.
func cells(g group, r result) []string {
	return []string{
		r.Peer,
		number(r.RPS),
		fmt.Sprintf("%.0f%%", 50*r.Spread),
		number(r.RPS * float64(r.Size) / 1e6),
		number(r.P50), number(r.P99),
		number(r.Allocs), number(r.Bytes),
		fmt.Sprintf("%.3f", r.CPU),
		ratioOf(throughput, g, r.Peer, bestPeer), ratioOf(throughput, g, r.Peer, "grpc-go"),
	}
}

// number writes three digits or more, and no fraction that is not needed.
func number(v float64) string {
	switch {
	case v >= 100:
		return grouped(int64(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// grouped writes thousands apart: 12,345.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// heading describes the units of a group when they are not those of calls.
func heading(g group) string {
	if g.scenario.name == caseIdle {
		return plural(g.scenario.callers, "idle stream") + ": streams opened a second, time to open one and have its first message back, bytes held for each"
	}
	return g.scenario.String()
}

// writeText writes a group for a terminal.
func writeText(w io.Writer, g group) error {
	if _, err := fmt.Fprintln(w, heading(g)); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(fields []string) { _, _ = fmt.Fprintln(t, strings.Join(fields, "\t")+"\t") } // Flush reports
	line(columns)
	for _, r := range g.results {
		line(cells(g, r))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, v := range judge(g) {
		if _, err := fmt.Fprintln(w, "  "+v.String()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// writeMarkdown writes a group for a document.
func writeMarkdown(w io.Writer, g group) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", heading(g))
	rows := [][]string{columns}
	for _, r := range g.results {
		fields := cells(g, r)
		if r.Peer == ours {
			fields[0] = "**" + fields[0] + "**"
		}
		rows = append(rows, fields)
	}
	writeRows(&b, rows)
	b.WriteString("\n")
	for _, v := range judge(g) {
		fmt.Fprintf(&b, "- %s\n", v)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// writeRows writes a Markdown table whose first row is its heading.
func writeRows(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(b, "| --- |%s\n", strings.Repeat(" ---: |", len(row)-1))
		}
	}
}
