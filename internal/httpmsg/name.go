package httpmsg

// tokens holds the bytes that a method or a header name may consist of.
var tokens = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// wellKnown spares the allocation of header names that arrive in another than
// the canonical spelling, from a proxy that lower-cases them for instance.
var wellKnown = func() map[string]string {
	m := map[string]string{}
	for _, n := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection",
		"Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Date", "Expect",
		"Forwarded", "Host", "Keep-Alive", "Origin", "Referer", "Server", "Te", "Timeout",
		"Traceparent", "Tracestate", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Via",
		"Micro-Endpoint", "Micro-Error", "Micro-Id", "Micro-Method", "Micro-Namespace",
		"Micro-Protocol", "Micro-Service", "Micro-Span-Id", "Micro-Stream", "Micro-Target",
		"Micro-Topic", "Micro-Trace-Id",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
		"X-Micro-Endpoint", "X-Micro-Error", "X-Micro-Id", "X-Micro-Method", "X-Micro-Service",
		"X-Micro-Stream", "X-Micro-Target", "X-Micro-Topic",
	} {
		m[n] = n
	}
	return m
}()

// canonicalByte returns c as it stands in a canonical name: upper case at the
// start of the name and after a hyphen, lower case elsewhere.
func canonicalByte(c byte, start bool) byte {
	if start && 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	if !start && 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// canonicalName returns the canonical spelling of a name, a part of the text
// it stands in when it is canonical already. It returns "" for what is no name.
func canonicalName(name string) string {
	canonical, start := name != "", true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !tokens[c] {
			return ""
		}
		canonical = canonical && c == canonicalByte(c, start)
		start = c == '-'
	}
	if canonical || name == "" {
		return name
	}
	var scratch [64]byte
	b := appendName(scratch[:0], name)
	if known, ok := wellKnown[string(b)]; ok {
		return known
	}
	return string(b)
}

// CanonicalName returns the spelling in which a header of this name is sent,
// "" for what cannot be one. A canonical name is returned as it is.
func CanonicalName(name string) string { return canonicalName(name) }

// appendName appends the canonical spelling of a name, and nothing when a byte
// of it cannot stand in a name.
func appendName(b []byte, name string) []byte {
	from, start := len(b), true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !tokens[c] {
			return b[:from]
		}
		b = append(b, canonicalByte(c, start))
		start = c == '-'
	}
	return b
}

// validValue reports whether a header value holds no control characters.
func validValue(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// appendValue appends a header value without surrounding blanks. A control
// character, a line break above all, becomes a space: a value never ends its
// line.
func appendValue(b []byte, v string) []byte {
	v = trimBlanks(v)
	if validValue(v) {
		return append(b, v...)
	}
	from := len(b)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if (c < ' ' && c != '\t') || c == 0x7f {
			c = ' '
		}
		b = append(b, c)
	}
	end := len(b)
	for end > from && b[end-1] == ' ' {
		end--
	}
	return b[:end]
}

// trimBlanks cuts spaces and tabs from both ends.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
