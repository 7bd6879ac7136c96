package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// compared are the metrics and the rivals of the table of ratios.
var (
	compared = []metric{throughput, processor, tail, allocs}
	rivals   = []string{bestPeer, "net/rpc", "grpc-go", "net/http", before}
)

// ratioRows are the lines of a table of this project's ratios to its rivals,
// its heading first. Rivals that were not measured are left out.
func ratioRows(groups []group) [][]string {
	met := slices.DeleteFunc(slices.Clone(rivals), func(name string) bool {
		return !slices.ContainsFunc(groups, func(g group) bool { return ratioOf(throughput, g, ours, name) != "-" })
	})
	if len(met) == 0 {
		return nil
	}
	rows := [][]string{{"case", ours}}
	for _, name := range met {
		rows[0] = append(rows[0], "× "+name)
	}
	for _, g := range groups {
		for _, m := range compared {
			row := []string{g.scenario.String(), m.name}
			for _, name := range met {
				row = append(row, ratioOf(m, g, ours, name))
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// ratioOf is a peer's ratio to a rival as text.
func ratioOf(m metric, g group, name, rival string) string {
	one, ok := g.of(name)
	if !ok {
		return "-"
	}
	other, ok := g.rival(rival, m)
	if !ok {
		return "-"
	}
	ratio, ok := m.ratio(one, other)
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%.2f", ratio)
}

// writeRatiosText writes the ratios for a terminal.
func writeRatiosText(w io.Writer, groups []group) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range ratioRows(groups) {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t")) // Flush reports
	}
	return t.Flush()
}

// writeRatiosMarkdown writes the ratios for a document.
func writeRatiosMarkdown(w io.Writer, groups []group) error {
	rows := ratioRows(groups)
	if rows == nil {
		return nil
	}
	var b strings.Builder
	b.WriteString("## Ratios\n\n")
	writeRows(&b, rows)
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}
