package mdns

import (
	"fmt"
	"strings"
)

// EscapeName writes name, whose dots separate labels, in DNS presentation form.
func EscapeName(name string) string {
	return strings.ReplaceAll(name, `\`, `\\`)
}

// UnescapeName reads the presentation form: \c stands for c and \DDD for the byte
// with that decimal value. A stray backslash at the end stays.
func UnescapeName(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); {
		c, size := nextByte(name[i:])
		out = append(out, c)
		i += size
	}
	return string(out)
}

// nextByte returns the first byte that s, in presentation form and not empty,
// stands for, and how much of s says so.
func nextByte(s string) (c byte, size int) {
	if s[0] != '\\' || len(s) == 1 {
		return s[0], 1
	}
	if value, ok := decimalByte(s[1:]); ok {
		return value, 4
	}
	return s[1], 2
}

func decimalByte(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	value := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return byte(value), value <= 255
}

// cutLabel appends the bytes of a name's first label to dst and returns what
// follows the dot behind it.
func cutLabel(dst []byte, name string) (label []byte, rest string) {
	for i := 0; i < len(name); {
		if name[i] == '.' {
			return dst, name[i+1:]
		}
		c, size := nextByte(name[i:])
		dst = append(dst, c)
		i += size
	}
	return dst, ""
}

// appendPrinted appends a label in presentation form: a backslash before what
// means something in zone files, \DDD for what cannot be printed.
func appendPrinted(dst, label []byte) []byte {
	for _, c := range label {
		switch {
		case strings.IndexByte(` .'@;()"\`, c) >= 0:
			dst = append(dst, '\\', c)
		case c < ' ' || c > '~':
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// CheckName says why name, absolute and in presentation form, cannot travel in a
// DNS message: an empty label, one over 63 bytes, or over 255 bytes in total.
func CheckName(name string) error {
	if name == "" || name == "." {
		return fmt.Errorf("%w: it is empty", ErrName)
	}
	var space [maxName]byte
	total := 1
	for rest := name; rest != ""; {
		before := rest
		var label []byte
		label, rest = cutLabel(space[:0], rest)
		switch size := len(label); {
		case size == 0:
			return fmt.Errorf("%w: %q has an empty part between its dots", ErrName, name)
		case size > maxLabel:
			part := strings.TrimSuffix(strings.TrimSuffix(before, rest), ".")
			return fmt.Errorf("%w: part %q of %q has %d bytes, at most %d are possible", ErrName, part, name, size, maxLabel)
		}
		total += 1 + len(label)
	}
	if total > maxName {
		return fmt.Errorf("%w: %q has more than %d bytes", ErrName, name, maxName)
	}
	return nil
}

// fold returns the form of a DNS name under which maps keep it: without escapes
// and in lower case, because DNS ignores case.
func fold(name string) string { return lower(UnescapeName(name)) }

// lower is strings.ToLower for ASCII alone: DNS knows no other case, and every
// byte stays where it is.
func lower(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return 'A' <= r && r <= 'Z' }) {
		return name
	}
	out := []byte(name)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}

// SameName reports whether a and b are the same DNS name.
func SameName(a, b string) bool { return a == b || fold(a) == fold(b) }
