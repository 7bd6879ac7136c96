package scale

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// columns are the headings of a table with those sizes.
func columns(sizes []int) []string {
	out := []string{"row", "work"}
	for _, n := range sizes {
		out = append(out, fmt.Sprint(n))
	}
	return append(out, "grows")
}

// sizesOf are the sizes at which any row was measured.
func sizesOf(results []Result) []int {
	var sizes []int
	for _, r := range results {
		for _, p := range r.Points {
			sizes = append(sizes, p.N)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// cells are a result as text. Sizes that were not measured are left empty.
func (r Result) cells(sizes []int) []string {
	out := []string{r.Row.Name, r.Row.Work}
	for _, n := range sizes {
		cell := ""
		for _, p := range r.Points {
			if p.N == n {
				cell = r.Row.Unit.text(p.Cost)
			}
		}
		out = append(out, cell)
	}
	return append(out, fmt.Sprintf("n^%.2f ±%.2f", r.Exponent, r.Error))
}

// text writes a cost with three digits.
func (u Unit) text(cost float64) string {
	units := []string{"s", "ms", "µs", "ns"}
	if u == Bytes {
		units = []string{"GB", "MB", "KB", "B"}
		cost /= 1e9
	}
	i := 0
	for cost < 1 && i < len(units)-1 {
		cost *= 1000
		i++
	}
	return fmt.Sprintf("%.3g %s", cost, units[i])
}

// WriteText writes the table for a terminal, and which rows grow too fast.
func WriteText(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(fields []string) { _, _ = fmt.Fprintln(t, strings.Join(fields, "\t")) } // Flush reports
	sizes := sizesOf(results)
	line(columns(sizes))
	for _, r := range results {
		line(r.cells(sizes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+verdicts(results))
	return err
}

// WriteMarkdown writes the table for a document.
func WriteMarkdown(w io.Writer, results []Result) error {
	var b strings.Builder
	sizes := sizesOf(results)
	head := columns(sizes)
	fmt.Fprintf(&b, "| %s |\n| --- | --- |%s\n", strings.Join(head, " | "), strings.Repeat(" ---: |", len(head)-2))
	for _, r := range results {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r.cells(sizes), " | "))
	}
	b.WriteString("\n" + verdicts(results))
	_, err := io.WriteString(w, b.String())
	return err
}

// verdicts says which rows grow faster than the limit, and why if that is known.
func verdicts(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		if !r.TooFast() {
			continue
		}
		fmt.Fprintf(&b, "- %s grows as n^%.2f, faster than n^%.1f", r.Row.Name, r.Exponent, Limit)
		if r.Row.Known != "" {
			fmt.Fprintf(&b, ": %s", r.Row.Known)
		}
		b.WriteString("\n")
	}
	if b.Len() == 0 {
		return fmt.Sprintf("No row grows faster than n^%.1f.\n", Limit)
	}
	return b.String()
}

// jsonResult is a result on a line of its own.
type jsonResult struct {
	Row      string  `json:"row"`
	Unit     string  `json:"unit"`
	Points   []Point `json:"points"`
	Exponent float64 `json:"exponent"`
	Error    float64 `json:"standard_error"`
	TooFast  bool    `json:"too_fast"`
	Known    string  `json:"known,omitempty"`
}

// WriteJSON writes one object a row.
func WriteJSON(w io.Writer, results []Result) error {
	encoder := json.NewEncoder(w)
	for _, r := range results {
		unit := map[Unit]string{Seconds: "s", Bytes: "B"}[r.Row.Unit]
		if err := encoder.Encode(jsonResult{r.Row.Name, unit, r.Points, r.Exponent, r.Error, r.TooFast(), r.Row.Known}); err != nil {
			return err
		}
	}
	return nil
}
