package jsonmessage

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON step by step.
type scanner struct {
	data []byte
	at   int
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("JSON at byte %d: %w", s.at, fmt.Errorf(format, args...))
}

// unexpected is the error of a value that is not what was wanted.
func (s *scanner) unexpected(wanted string) error {
	const shown = 20
	if s.next() == 0 && s.at >= len(s.data) {
		return s.errorf("it ends where %s should be", wanted)
	}
	rest := s.data[s.at:]
	return s.errorf("%q where %s should be", rest[:min(len(rest), shown)], wanted)
}

// next skips space and returns the byte after it without consuming it, 0 at the
// end.
func (s *scanner) next() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take consumes the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// word consumes a literal if it is what comes next.
func (s *scanner) word(w string) bool {
	s.next()
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

// object reads an object. It calls member with each name; member reads the
// value.
func (s *scanner) object(member func(name []byte) error) error {
	if !s.take('{') {
		return s.unexpected("an object")
	}
	if s.take('}') {
		return nil
	}
	for {
		name, err := s.string()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.unexpected("a colon")
		}
		if err := member(name); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected("a comma or the end of the object")
		}
	}
}

// array reads a list. It calls element for each element, to read it.
func (s *scanner) array(element func() error) error {
	if !s.take('[') {
		return s.unexpected("a list")
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.unexpected("a comma or the end of the list")
		}
	}
}

// skip reads any value and returns it as it is.
func (s *scanner) skip(depth int) ([]byte, error) {
	c := s.next()
	from := s.at
	err := s.skipValue(c, depth)
	return s.data[from:s.at], err
}

func (s *scanner) skipValue(c byte, depth int) (err error) {
	if depth <= 0 {
		return s.tooDeep()
	}
	inner := func() error { return s.skipValue(s.next(), depth-1) }
	switch {
	case c == '{':
		return s.object(func([]byte) error { return inner() })
	case c == '[':
		return s.array(inner)
	case c == '"':
		_, err = s.string()
	case c == '-' || '0' <= c && c <= '9':
		_, err = s.number()
	case s.word("null"), s.word("true"), s.word("false"):
	default:
		err = s.unexpected("a value")
	}
	return err
}

func (s *scanner) tooDeep() error {
	return s.errorf("nested more than %d deep", maxDepth)
}

// number reads a number and returns it as it is.
func (s *scanner) number() ([]byte, error) {
	s.next()
	from := s.at
	s.skipByte('-')
	if !s.skipByte('0') && s.digits() == 0 {
		return nil, s.unexpected("a number")
	}
	if s.skipByte('.') && s.digits() == 0 {
		return nil, s.unexpected("a digit")
	}
	if s.skipByte('e') || s.skipByte('E') {
		_ = s.skipByte('+') || s.skipByte('-')
		if s.digits() == 0 {
			return nil, s.unexpected("a digit")
		}
	}
	return s.data[from:s.at], nil
}

func (s *scanner) skipByte(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() (n int) {
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		s.at++
		n++
	}
	return n
}

// string reads a string and returns its text, which is a part of the data where
// that is possible.
func (s *scanner) string() ([]byte, error) {
	if !s.take('"') {
		return nil, s.unexpected("a string")
	}
	from := s.at
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case c == '"':
			text := s.data[from:s.at]
			s.at++
			return text, nil
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return s.unescape(from)
		}
		s.at++
	}
	return nil, s.unexpected("the end of a string")
}

// unescape reads on in a string that began at from and is not plain.
func (s *scanner) unescape(from int) ([]byte, error) {
	text := s.data[from:s.at:s.at]
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case c == '"':
			s.at++
			return text, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			text = utf8.AppendRune(text, r)
		case c < ' ':
			return nil, s.errorf("control character %q in a string", c)
		default:
			r, size := utf8.DecodeRune(s.data[s.at:])
			if r == utf8.RuneError && size == 1 {
				return nil, s.errorf("invalid UTF-8 in a string")
			}
			text = append(text, s.data[s.at:s.at+size]...)
			s.at += size
		}
	}
	return nil, s.unexpected("the end of a string")
}

// escape reads what a backslash and the characters after it stand for.
func (s *scanner) escape() (rune, error) {
	if s.at+1 >= len(s.data) {
		return 0, s.errorf("it ends within an escape")
	}
	switch c := s.data[s.at+1]; c {
	case '"', '\\', '/':
		s.at += 2
		return rune(c), nil
	case 'u':
		return s.unicode()
	default:
		for i, letter := range []byte("bfnrt") {
			if c == letter {
				s.at += 2
				return rune("\b\f\n\r\t"[i]), nil
			}
		}
		return 0, s.errorf("escape \\%c is unknown", c)
	}
}

// unicode reads one or two escapes of the form \uXXXX.
func (s *scanner) unicode() (rune, error) {
	first, ok := s.hex()
	if !ok {
		return 0, s.errorf("escape \\u without four hexadecimal digits")
	}
	s.at += 6
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if second, ok := s.hex(); ok {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			s.at += 6
			return r, nil
		}
	}
	return 0, s.errorf("half of a surrogate pair in a string")
}

// hex returns the number in the escape of the form \uXXXX that is next.
func (s *scanner) hex() (r rune, ok bool) {
	const size = 6
	if len(s.data)-s.at < size || s.data[s.at] != '\\' || s.data[s.at+1] != 'u' {
		return 0, false
	}
	for _, c := range s.data[s.at+2 : s.at+size] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
