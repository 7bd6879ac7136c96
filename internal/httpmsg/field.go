package httpmsg

// What may stand in a header is judged here for every form in which messages
// travel. A sender leaves out what has no valid name and cleans values with
// CleanValue; a receiver refuses the message of a peer that does not.

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

// ValidName reports whether name can be that of a header: a token, as RFC 9110
// section 5.1 has it. A pseudo header such as ":path" is none.
func ValidName(name string) bool {
	for i := 0; i < len(name); i++ {
		if !tokens[name[i]] {
			return false
		}
	}
	return name != ""
}

// ValidValue reports whether value can be that of a header, as RFC 9110 section
// 5.5 has it: it holds no control character, a tab aside.
func ValidValue(value string) bool {
	for i := 0; i < len(value); i++ {
		if control(value[i]) {
			return false
		}
	}
	return true
}

// control reports whether a byte may not stand in a value.
func control(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// CleanValue returns the form in which a value is sent: without the blanks
// around it, and with a space for each control character, a line break above
// all. It returns a part of value if that will do.
func CleanValue(value string) string {
	value = trimBlanks(value)
	if ValidValue(value) {
		return value
	}
	clean := []byte(value)
	for i, c := range clean {
		if control(c) {
			clean[i] = ' '
		}
	}
	return trimBlanks(string(clean))
}

// Framing reports whether a header frames an HTTP message, and so says nothing
// about a message that is carried in one. The name is in canonical form.
func Framing(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Upgrade":
		return true
	}
	return false
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
