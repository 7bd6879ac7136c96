package wire

// Numbers that mean something to the code.
const (
	literal    = 0 // before a name that stands in full
	connection = 16
)

// names is the static table: a name's number is its place. Numbers are part of
// the protocol, so names are only ever added at the end.
var names = [...]string{
	literal:    "",
	1:          "Micro-Service",
	2:          "Micro-Endpoint",
	3:          "Micro-Method",
	4:          "Micro-Id",
	5:          "Micro-Stream",
	6:          "Micro-Error",
	7:          "Micro-Topic",
	8:          "Micro-Protocol",
	9:          "Micro-Target",
	10:         "Micro-Namespace",
	11:         "Micro-Trace-Id",
	12:         "Micro-Span-Id",
	13:         "Content-Type",
	14:         "Accept",
	15:         "Timeout",
	connection: "Connection",
	17:         "Authorization",
	18:         "X-Micro-Service",
	19:         "X-Micro-Endpoint",
	20:         "X-Micro-Method",
	21:         "X-Micro-Id",
	22:         "X-Micro-Stream",
	23:         "X-Micro-Error",
	24:         "X-Micro-Topic",
	25:         "X-Micro-Target",
	26:         "Micro-Half-Close",
	27:         "Micro-From-Service",
	28:         "Traceparent",
	29:         "Tracestate",
	30:         "X-Forwarded-For",
	31:         "X-Forwarded-Host",
	32:         "X-Forwarded-Proto",
	33:         "X-Request-Id",
	34:         "User-Agent",
	35:         "Cookie",
	36:         "Accept-Encoding",
	37:         "Content-Encoding",
	38:         "Date",
	39:         "Origin",
}

// spellings are the names that have a number in the forms that are looked up:
// the canonical one and that of the constants of package headers.
var spellings = func() (table [256]spelling) {
	add := func(name string, code byte) {
		at := place(name)
		for table[at].code != literal {
			at++
		}
		table[at] = spelling{name, code}
	}
	for code, name := range names {
		if code != literal {
			add(name, byte(code))
		}
	}
	add("Micro-ID", 4)
	add("Micro-Trace-ID", 11)
	add("Micro-Span-ID", 12)
	add("X-Micro-ID", 21)
	return table
}()

type spelling struct {
	name string
	code byte
}

// place is where in spellings the search for a name begins. A few bytes of a
// name tell most of the table's apart.
func place(name string) byte {
	n := len(name)
	if n < 4 {
		return byte(n)
	}
	return byte(n)<<3 ^ name[n-1] ^ name[n-4]<<1 ^ name[n/2]<<2
}

// codeOf returns the number of a name, or literal when it has none.
func codeOf(name string) byte {
	for at := place(name); ; at++ {
		s := &spellings[at]
		if s.code == literal || s.name == name {
			return s.code
		}
	}
}
