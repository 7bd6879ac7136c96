// Package text makes text that anybody may have written fit to be kept and shown.
package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ellipsis ends a text that was cut.
const ellipsis = "…"

// Cut returns s if it has no more than limit bytes, or else the runes that fit into
// them and an ellipsis. The rest of s is not kept in memory.
func Cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := max(limit, 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// Valid returns s with a replacement character for what is not UTF-8, which neither
// protobuf nor Prometheus takes.
func Valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// Each returns m with its names and values as fix makes them, and m itself if it
// changes none. M stays as it is.
func Each(m map[string]string, fix func(string) string) map[string]string {
	for k, v := range m {
		if fix(k) == k && fix(v) == v {
			continue
		}
		fixed := make(map[string]string, len(m))
		for k, v := range m {
			fixed[fix(k)] = fix(v)
		}
		return fixed
	}
	return m
}

// Printable reports whether s is UTF-8 that shows on one line.
func Printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return printable(s[i:])
		}
	}
	return true // ASCII, as nearly always
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) })
}

// Line returns a printable s of no more than limit bytes as it is, and anything else
// cut and in quotes, with escapes for what does not show.
func Line(s string, limit int) string {
	if len(s) <= limit && Printable(s) {
		return s
	}
	return strconv.Quote(Cut(s, limit))
}
