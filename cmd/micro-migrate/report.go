package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report says what was done, and what is left to do.
func (m *migration) report(w io.Writer, dry bool) {
	verb := "rewrote"
	if dry {
		verb = "would rewrite"
	}
	for _, e := range m.edits {
		fmt.Fprintf(w, "%s %s\n", verb, e.path)
	}
	fmt.Fprintf(w, "%s %d imports in %d files\n", verb, m.imports, len(m.edits))
	for _, plugin := range slices.Sorted(maps.Keys(m.left)) {
		files := m.left[plugin]
		fmt.Fprintf(w, "left %s, imported in %s: there is no package for it here. Copy its folder into your module, run micro-migrate on it, and import the copy (see -plugins).\n", plugin, strings.Join(files, ", "))
	}
	for _, d := range m.dropped {
		fmt.Fprintf(w, "dropped the replacement %s\n", d)
	}
	for _, line := range m.mentions {
		fmt.Fprintf(w, "look at %s\n", line)
	}
	if len(m.edits) == 0 {
		return
	}
	fmt.Fprintln(w, "next: go mod tidy")
	for _, dir := range m.vendored {
		fmt.Fprintf(w, "next: go mod vendor, for %s\n", dir)
	}
}
