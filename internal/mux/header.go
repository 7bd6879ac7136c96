package mux

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// lineCost is what a header costs beside its name and its value when it is
// counted as a line of an HTTP message.
const lineCost = 4

// blockWriter writes a header block. Names are sent in the canonical form of
// HTTP, so that a header is spelled the same however it travelled; what cannot
// be a name is left out, as are the headers that frame an HTTP message and any
// Connection but close.
type blockWriter struct {
	b           []byte
	from        int
	size, lines int
	seen        uint64 // the numbers of names
	unlike      bool   // a name was spelled in another way or came twice
}

func (w *blockWriter) add(name, value string) {
	code := codeOf(name)
	if code == literal {
		given := name
		if name = httpmsg.CanonicalName(name); name == "" || framing(name) {
			return
		}
		code, w.unlike = codeOf(name), w.unlike || name != given
	}
	if code == connection && !strings.EqualFold(value, "close") {
		return
	}
	if bit := uint64(1) << code &^ 1; w.seen&bit != 0 {
		w.unlike = true
	} else {
		w.seen |= bit
	}
	w.b = appendLine(w.b, code, name, value)
	w.size += len(name) + len(value) + lineCost
	w.lines++
}

func (w *blockWriter) end() (_ []byte, lines int, err error) {
	switch {
	case w.size > MaxHeader || len(w.b)-w.from > maxBlock:
		return w.b[:w.from], 0, fmt.Errorf("%w: headers of %d bytes, the limit is %d", ErrTooLarge, w.size, MaxHeader)
	case w.lines > MaxHeaders:
		return w.b[:w.from], 0, fmt.Errorf("%w: %d headers, the limit is %d", ErrTooLarge, w.lines, MaxHeaders)
	case w.unlike:
		return w.b, 0, nil
	}
	return w.b, w.lines, nil
}

// appendLine appends one header.
func appendLine(b []byte, code byte, name, value string) []byte {
	b = append(b, code)
	if code == literal {
		b = appendText(b, name)
	}
	return appendText(b, httpmsg.CleanValue(value))
}

// framing reports whether a canonical name is one that frames HTTP messages.
// They say nothing about a message that travels in frames.
func framing(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Upgrade":
		return true
	}
	return false
}

func appendText(b []byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, byte(len(s)))
	} else {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	return append(b, s...)
}

// decodeBlock adds the headers of a block to h, as parts of block. If h is nil
// it only checks the block.
func decodeBlock(h map[string]string, block string) error {
	size, lines := 0, 0
	for block != "" {
		name, value, rest, err := cutLine(block)
		if err != nil {
			return err
		}
		if block = rest; !httpmsg.ValidName(name) || !httpmsg.ValidValue(value) {
			return violated("invalid header")
		}
		size += len(name) + len(value) + lineCost
		if lines++; lines > MaxHeaders || size > MaxHeader {
			return violated("headers over the limit")
		}
		if h != nil {
			h[name] = value
		}
	}
	return nil
}

// cutLine takes one header off the front of a block that is not empty.
func cutLine(block string) (name, value, rest string, err error) {
	code, rest := block[0], block[1:]
	ok := true
	if code == literal {
		if name, rest, ok = cutText(rest); !ok || name == "" {
			return "", "", "", violated("header name beyond its block")
		}
	} else if int(code) < len(names) {
		name = names[code]
	} else {
		return "", "", "", violated("unknown header number %d", code)
	}
	if value, rest, ok = cutText(rest); !ok {
		return "", "", "", violated("header value beyond its block")
	}
	return name, value, rest, nil
}

// cutText takes a text with its length off the front of a block.
func cutText(block string) (text, rest string, ok bool) {
	if block == "" {
		return "", "", false
	}
	n := int(block[0])
	block = block[1:]
	if n >= 0x80 {
		if n, block, ok = cutLength(n&0x7f, block); !ok {
			return "", "", false
		}
	}
	if n > len(block) {
		return "", "", false
	}
	return block[:n], block[n:], true
}

// cutLength takes the rest of a length of more than one byte, of which the low
// seven bits are known. No length in a block has more than three bytes.
func cutLength(n int, block string) (length int, rest string, ok bool) {
	for shift := 7; shift <= 14 && block != ""; shift += 7 {
		c := block[0]
		block = block[1:]
		n |= int(c&0x7f) << shift
		if c < 0x80 {
			return n, block, c != 0 // a length has one form
		}
	}
	return 0, "", false
}

// headersOf counts the headers of a block, to size a map: up to MaxHeaders, and
// of a malformed one those before the fault.
func headersOf(block string) (n int) {
	for ok := true; block != "" && n < MaxHeaders; n++ {
		code := block[0]
		block = block[1:]
		if code == literal {
			if _, block, ok = cutText(block); !ok {
				return n
			}
		}
		if _, block, ok = cutText(block); !ok {
			return n
		}
	}
	return n
}
