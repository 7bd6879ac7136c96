package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

// A header block is the form in which headers travel over a multiplexed
// connection: a sequence of names and values. A name is one byte, its number in
// the static table, or 0 and the name with its length before it; a value is its
// length and its bytes. Lengths are unsigned varints.

const (
	// MaxHeader limits the headers of one message in bytes, counted as if each
	// were a line of an HTTP message.
	MaxHeader = 64 << 10
	// MaxHeaders limits the number of headers of one message.
	MaxHeaders = 512
	// maxBlock limits a block: it has to fit into a frame.
	maxBlock = 64<<10 - 64

	// lineCost is what a header costs beside its name and its value when it is
	// counted as a line of an HTTP message.
	lineCost = 4
)

// Field is one header of a message that is sent.
type Field struct{ Name, Value string }

// AppendBlock appends the header block of fields. Names are sent in the
// canonical form of HTTP, so that a header is spelled the same however it
// travelled; what cannot be a name is left out, as are the headers that frame an
// HTTP message and any Connection but close.
func AppendBlock(b []byte, fields []Field) ([]byte, error) {
	from, size, lines := len(b), 0, 0
	for i := range fields {
		name, value := fields[i].Name, fields[i].Value
		code := codeOf(name)
		if code == literal {
			if name = httpmsg.CanonicalName(name); name == "" || httpmsg.Framing(name) {
				continue
			}
			code = codeOf(name)
		}
		if code == connection && !strings.EqualFold(value, "close") {
			continue
		}
		b = append(b, code)
		if code == literal {
			b = appendText(b, name)
		}
		b = appendText(b, httpmsg.CleanValue(value))
		size += len(name) + len(value) + lineCost
		lines++
	}
	switch {
	case size > MaxHeader || len(b)-from > maxBlock:
		return b[:from], fmt.Errorf("%w: headers of %d bytes, the limit is %d", ErrTooLarge, size, MaxHeader)
	case lines > MaxHeaders:
		return b[:from], fmt.Errorf("%w: %d headers, the limit is %d", ErrTooLarge, lines, MaxHeaders)
	}
	return b, nil
}

func appendText(b []byte, s string) []byte {
	if len(s) < 0x80 {
		b = append(b, byte(len(s)))
	} else {
		b = binary.AppendUvarint(b, uint64(len(s)))
	}
	return append(b, s...)
}

// Block is a valid header block together with what it says about its message.
// It does not change, so that the many messages whose headers are the same share
// one.
type Block struct {
	text string
	head Head
	// coded is the value of CodedErrorHeader.
	coded string
	lines int
}

// emptyBlock is the block of a message without headers.
var emptyBlock = &Block{}

// errBlock says that a peer sent what is no header block.
var errBlock = errors.New("invalid header block")

// ParseBlock reads a header block. Its text is kept.
func ParseBlock(text string) (*Block, error) {
	if text == "" {
		return emptyBlock, nil
	}
	b := &Block{text: text}
	p := headParser{head: &b.head}
	size := 0
	for rest := text; rest != ""; {
		name, value, after, ok := cutLine(rest)
		if !ok || !httpmsg.ValidName(name) || !httpmsg.ValidValue(value) {
			return nil, errBlock
		}
		rest = after
		size += len(name) + len(value) + lineCost
		if b.lines++; b.lines > MaxHeaders || size > MaxHeader {
			return nil, fmt.Errorf("%w: over the limit", errBlock)
		}
		p.take(name, value)
		if name == CodedErrorHeader {
			b.coded = value
		}
	}
	p.end()
	return b, nil
}

// Len is the length of the block in bytes.
func (b *Block) Len() int { return len(b.text) }

// each yields the headers of a block. It is false when yield was.
func (b *Block) each(yield func(name, value string) bool) bool {
	for rest := b.text; rest != ""; {
		name, value, after, ok := cutLine(rest)
		if !ok || !yield(name, value) {
			return false
		}
		rest = after
	}
	return true
}

// cutLine takes one header off the front of a block that is not empty.
func cutLine(block string) (name, value, rest string, ok bool) {
	code, rest := block[0], block[1:]
	if code == literal {
		if name, rest, ok = cutText(rest); !ok || name == "" {
			return "", "", "", false
		}
	} else if int(code) < len(names) {
		name = names[code]
	} else {
		return "", "", "", false
	}
	value, rest, ok = cutText(rest)
	return name, value, rest, ok
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
