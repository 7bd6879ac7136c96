package main

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	chartWidth = 720
	labelWidth = 130
	valueWidth = 90
	barHeight  = 18
	barGap     = 6
	titleSpace = 30
	groupSpace = 18
)

// chartStyle follows the reader's light or dark page.
const chartStyle = `<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.bar { fill: #8c959f }
.ours { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.bar { fill: #6e7681 }
.ours { fill: #3fb950 }
}
</style>
`

// writeChart draws the throughput of each group as bars, one scale a group.
// Ceilings are left out: beside them the others could not be told apart.
func writeChart(w io.Writer, groups []group) error {
	var body strings.Builder
	y := groupSpace
	for _, g := range groups {
		y = drawGroup(&body, g, y)
	}
	_, err := fmt.Fprintf(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<title>Calls a second</title>\n%s%s</svg>\n",
		chartWidth, y, chartWidth, y, chartStyle, body.String())
	return err
}

// drawGroup draws a group from y downwards, and returns where it ends.
func drawGroup(w *strings.Builder, g group, y int) int {
	fmt.Fprintf(w, "<text class=\"title\" x=\"0\" y=\"%d\">%s: calls a second</text>\n", y+4, html.EscapeString(g.scenario.String()))
	y += titleSpace - groupSpace
	bars := slices.DeleteFunc(slices.Clone(g.results), func(r result) bool { return r.ceiling })
	highest := 0.0
	for _, r := range bars {
		highest = max(highest, r.RPS)
	}
	for _, r := range bars {
		drawBar(w, r, y, highest)
		y += barHeight + barGap
	}
	return y + groupSpace
}

func drawBar(w *strings.Builder, r result, y int, highest float64) {
	class := "bar"
	if r.Peer == ours {
		class = "bar ours"
	}
	width := 0.0
	if highest > 0 {
		width = r.RPS / highest * (chartWidth - labelWidth - valueWidth)
	}
	text := y + barHeight - 5
	fmt.Fprintf(w, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", labelWidth-8, text, html.EscapeString(r.Peer))
	fmt.Fprintf(w, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", class, labelWidth, y, width, barHeight)
	fmt.Fprintf(w, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", labelWidth+width+6, text, number(r.RPS))
}
