package version

import (
	"cmp"
	"strings"
)

// compare orders versions: negative when a is earlier than b. A leading "v" and
// what follows a "+" do not count, and what follows a "-" makes a version
// earlier than the one without.
func compare(a, b string) int {
	releaseA, preA, isPreA := split(a)
	releaseB, preB, isPreB := split(b)
	if order := compareParts(releaseA, releaseB); order != 0 {
		return order
	}
	switch {
	case isPreA && isPreB:
		return compareParts(preA, preB)
	case isPreA:
		return -1
	case isPreB:
		return 1
	}
	return 0
}

func split(version string) (release, pre string, isPre bool) {
	version, _, _ = strings.Cut(version, "+")
	if len(version) > 1 && version[0] == 'v' && isDigit(version[1]) {
		version = version[1:]
	}
	return strings.Cut(version, "-")
}

// compareParts compares what the dots separate. A missing part is earlier than
// any but zero.
func compareParts(a, b string) int {
	for a != "" || b != "" {
		var partA, partB string
		partA, a, _ = strings.Cut(a, ".")
		partB, b, _ = strings.Cut(b, ".")
		if order := comparePart(partA, partB); order != 0 {
			return order
		}
	}
	return 0
}

func comparePart(a, b string) int {
	switch {
	case isNumber(a) && isNumber(b):
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case isNumber(a):
		return -1
	case isNumber(b):
		return 1
	}
	return cmp.Compare(a, b)
}

// isNumber is true for digits of any count, none included.
func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
