package mux

import "strings"

// maxBase is the largest header block, in bytes, that both ends of a direction
// of a socket remember, so that later messages can repeat it.
const maxBase = 2 << 10

// base is the block that the messages of a socket may repeat, at the end that
// sends. The zero value is none.
type base struct {
	block string
	lines int
}

// remember notes a block that was sent. Lines is what appendBlock counted. The
// other end goes by the size alone: what it remembers may be of no use here, but
// what is of use here it remembers.
func (p *base) remember(block []byte, lines int) {
	switch {
	case len(block) == 0 || len(block) > maxBase:
	case lines == 0:
		*p = base{}
	default:
		*p = base{string(block), lines}
	}
}

// appendChanges appends a block of those headers that h has with another value
// than p. It is false when they differ in their names, or by so much that
// sending all of them is better.
func (p *base) appendChanges(b []byte, h map[string]string) ([]byte, bool) {
	if len(h) != p.lines || p.lines == 0 {
		return b, false
	}
	most := len(b) + len(p.block)/2
	for rest := p.block; rest != ""; {
		code := rest[0]
		name, was, after, err := cutLine(rest)
		if err != nil {
			return b, false
		}
		rest = after
		value, ok := h[name]
		if !ok {
			other := otherSpelling(code)
			if value, ok = h[other]; !ok || other == "" {
				return b, false
			}
		}
		if value == was {
			continue
		}
		if code == connection && !strings.EqualFold(value, "close") {
			return b, false
		}
		if b = appendLine(b, code, name, value); len(b) > most {
			return b, false
		}
	}
	return b, true
}

// otherSpelling is the form in which package headers has a name that is not
// canonical, or nothing.
func otherSpelling(code byte) string {
	switch code {
	case 4:
		return "Micro-ID"
	case 11:
		return "Micro-Trace-ID"
	case 12:
		return "Micro-Span-ID"
	case 21:
		return "X-Micro-ID"
	}
	return ""
}

// isBase reports whether a block is remembered by the end that gets it.
func isBase(block string) bool { return block != "" && len(block) <= maxBase }
