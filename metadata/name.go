package metadata

import (
	"cmp"
	"slices"
	"strings"
)

// getFolded is Get for a key that is not in md as it is spelled. The map is
// searched only when the title-cased key misses too.
func (md Metadata) getFolded(key string) (string, bool) {
	if len(md) == 0 {
		return "", false
	}
	if !isTitled(key) {
		var buf [64]byte
		if v, ok := md[string(appendTitled(buf[:0], key))]; ok {
			return v, true
		}
	}
	k, ok := md.find(key)
	return md[k], ok
}

// find returns the spelling of key in md, the preferred one of several.
func (md Metadata) find(key string) (string, bool) {
	var best string
	var found bool
	for k := range md {
		if sameName(k, key) && (!found || comparePreference(k, best) < 0) {
			best, found = k, true
		}
	}
	return best, found
}

// titled returns a copy of md in which every name is title-cased and there
// once.
func (md Metadata) titled() Metadata {
	out := make(Metadata, len(md)+1) // room for one Set
	var buf [16]string
	odd := buf[:0]
	for k, v := range md {
		if isCanonical(k) {
			out[k] = v // two canonical spellings of one name are equal
		} else {
			odd = append(odd, k)
		}
	}
	for _, k := range md.preferred(odd) {
		out[title(k)] = md[k]
	}
	return out
}

// names returns the keys of md, of each name only the preferred spelling.
func (md Metadata) names() []string {
	names := make([]string, 0, len(md))
	var odd []string
	for k := range md {
		if isCanonical(k) {
			names = append(names, k)
		} else {
			odd = append(odd, k)
		}
	}
	return append(names, md.preferred(odd)...)
}

// preferred reduces odd, the keys of md that are not canonical, to the
// preferred spelling of each name that has no canonical one. It sorts, since a
// peer decides how many there are.
func (md Metadata) preferred(odd []string) []string {
	slices.SortFunc(odd, compareSpelling)
	kept := odd[:0]
	var previous string
	var buf [64]byte
	for i, k := range odd {
		repeated := i > 0 && sameName(k, previous)
		previous = k
		if repeated {
			continue
		}
		if _, taken := md[string(appendCanonical(buf[:0], k))]; !taken {
			kept = append(kept, k)
		}
	}
	return kept
}

// compareSpelling orders keys by name, and the spellings of one by bytes.
func compareSpelling(a, b string) int {
	for i := range min(len(a), len(b)) {
		if order := cmp.Compare(lower(a[i]), lower(b[i])); order != 0 {
			return order
		}
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// comparePreference orders spellings of one name: canonical ones first, then
// by bytes.
func comparePreference(a, b string) int {
	if ca, cb := isCanonical(a), isCanonical(b); ca != cb {
		if ca {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// sameName reports whether a and b differ at most in the case of ASCII letters.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// isTitled reports whether every word of key starts with no lower-case letter.
func isTitled(key string) bool {
	start := true
	for i := range len(key) {
		if start && isLower(key[i]) {
			return false
		}
		start = separates(key[i])
	}
	return true
}

// isCanonical reports whether key is spelled as HTTP does: the first letter of
// each word in upper case and the others in lower case.
func isCanonical(key string) bool {
	start := true
	for i := range len(key) {
		c := key[i]
		if start && isLower(c) || !start && isUpper(c) {
			return false
		}
		start = separates(c)
	}
	return true
}

// title returns key with the first letter of each word in upper case.
func title(key string) string {
	if isTitled(key) {
		return key
	}
	return string(appendTitled(make([]byte, 0, len(key)), key))
}

func appendTitled(b []byte, key string) []byte {
	start := true
	for i := range len(key) {
		c := key[i]
		if start && isLower(c) {
			c -= 'a' - 'A'
		}
		b = append(b, c)
		start = separates(key[i])
	}
	return b
}

// appendCanonical appends the canonical spelling of key to b.
func appendCanonical(b []byte, key string) []byte {
	b = appendTitled(b, key)
	start := true
	for i, c := range b {
		if !start {
			b[i] = lower(c)
		}
		start = separates(c)
	}
	return b
}

func separates(c byte) bool { return c == '-' || c == '.' || c == ' ' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}
