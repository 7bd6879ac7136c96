package util

import (
	"fmt"
	"strings"
)

// Parse reads a template. Its error is an InvalidTemplateError.
//
// For the sake of templates that go-micro v4 took, a slash is accepted where a
// "*", "**", "=", "." or a brace is expected: "//" is a wildcard.
func Parse(tmpl string) (Compiler, error) {
	rest, ok := strings.CutPrefix(tmpl, "/")
	if !ok {
		return nil, InvalidTemplateError{tmpl: tmpl, msg: "no leading /"}
	}
	tokens, verb := tokenize(rest)
	p := parser{tokens: tokens}
	segments, err := p.segments()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("expected the end but got %q", p.tokens[0])
	}
	if err != nil {
		return nil, InvalidTemplateError{tmpl: tmpl, msg: err.Error()}
	}
	return template{segments: segments, verb: verb, text: tmpl}, nil
}

// tokenize splits a template, without its leading slash, into names and
// punctuation, and takes the verb off its end.
func tokenize(path string) (tokens []string, verb string) {
	const outside, field, nested = "/{", ".=}", "/}"
	for ends := outside; path != ""; {
		i := strings.IndexAny(path, ends)
		if i < 0 {
			tokens = append(tokens, path)
			break
		}
		if i > 0 {
			tokens = append(tokens, path[:i])
		}
		switch path[i] {
		case '{':
			ends = field
		case '=':
			ends = nested
		case '}':
			ends = outside
		}
		tokens = append(tokens, path[i:i+1])
		path = path[i+1:]
	}
	if len(tokens) == 0 {
		return nil, ""
	}
	last := len(tokens) - 1
	name, verb, found := cutLast(tokens[last], ":")
	if !found {
		return tokens, ""
	}
	if tokens[last] = name; name == "" {
		tokens = tokens[:last]
	}
	return tokens, verb
}

// cutLast cuts s at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// parser consumes tokens from the front.
type parser struct {
	tokens []string
	inside bool // a variable, in which there is no other
}

// peek returns the next token, empty at the end.
func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take consumes the punctuation mark if it, or a slash, is next.
func (p *parser) take(mark string) bool {
	t := p.peek()
	if t != mark && t != "/" {
		return false
	}
	p.next()
	return true
}

func (p *parser) segments() ([]segment, error) {
	var segments []segment
	for {
		s, err := p.segment()
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
		if p.peek() != "/" {
			return segments, nil
		}
		p.next()
	}
}

func (p *parser) segment() (segment, error) {
	switch {
	case p.take("*"):
		return wildcard{}, nil
	case p.take("**"):
		return deepWildcard{}, nil
	case p.peek() == "{" && !p.inside:
		return p.variable()
	}
	t := p.next()
	if err := literalText(t); err != nil {
		return nil, fmt.Errorf("segment is neither a wildcard, a literal nor a variable: %w", err)
	}
	return literal(t), nil
}

func (p *parser) variable() (segment, error) {
	p.next() // the brace
	path, err := p.fieldPath()
	if err != nil {
		return nil, fmt.Errorf("field of a variable: %w", err)
	}
	v := variable{path: path, segments: []segment{wildcard{}}}
	if p.take("=") {
		p.inside = true
		if v.segments, err = p.segments(); err != nil {
			return nil, fmt.Errorf("segments of variable %q: %w", path, err)
		}
		p.inside = false
	}
	if !p.take("}") {
		return nil, fmt.Errorf("variable %q is not closed", path)
	}
	return v, nil
}

func (p *parser) fieldPath() (string, error) {
	path := p.next()
	if err := identifier(path); err != nil {
		return "", err
	}
	for p.take(".") {
		name := p.next()
		if err := identifier(name); err != nil {
			return "", fmt.Errorf("after %q: %w", path, err)
		}
		path += "." + name
	}
	return path, nil
}

// identifier checks a component of a field path.
func identifier(s string) error {
	if s == "" {
		return fmt.Errorf("empty identifier")
	}
	for i := range len(s) {
		c := s[i]
		if c == '_' || isLetter(c) || i > 0 && isDigit(c) {
			continue
		}
		return fmt.Errorf("identifier %q has a %q at %d", s, c, i)
	}
	return nil
}

// literalText checks that s is made of the characters of a path's segment (RFC
// 3986, section 3.3) and that its percent escapes are complete.
func literalText(s string) error {
	if s == "" {
		return fmt.Errorf("empty segment")
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isLetter(c), isDigit(c), strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		case c == '%':
			return fmt.Errorf("%q has an incomplete escape at %d", s, i)
		default:
			return fmt.Errorf("%q has a %q at %d", s, c, i)
		}
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
