package wire

import (
	"iter"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/transport/headers"
)

// Header is the headers of a message that was received, as they arrived: a map,
// or a block. Reading a block spares a small call a third of its time: a map
// takes as long to fill as the rest of the message to handle.
type Header struct {
	fields map[string]string
	block  *Block // instead of fields, unless nil

	// Of the first message of an exchange: its id and the time that its caller
	// has left, 0 for no limit. They travel as numbers, since they differ with
	// each message whose other headers are the same.
	exchange bool
	id       uint64
	left     time.Duration
}

// MapHeader returns a Header with the content of m.
func MapHeader(m map[string]string) Header { return Header{fields: m} }

// BlockHeader returns a Header with the content of b.
func BlockHeader(b *Block) Header { return Header{block: b} }

// ExchangeHeader returns a Header with the content of b, and the id and the
// time left that the message of an exchange has beside it.
func ExchangeHeader(b *Block, id uint64, left time.Duration) Header {
	return Header{block: b, exchange: true, id: id, left: left}
}

// FormatID is an id as it stands in a Micro-Id header.
func FormatID(id uint64) string { return strconv.FormatUint(id, 10) }

// Exchange returns the number that is the message's id, if it has one.
func (h *Header) Exchange() (id uint64, ok bool) { return h.id, h.exchange }

// All returns the names and values. A name may come twice; the later value
// counts.
func (h *Header) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for name, value := range h.fields {
			if !yield(name, value) {
				return
			}
		}
		if h.block != nil && !h.block.each(yield) || !h.exchange {
			return
		}
		if yield("Micro-Id", FormatID(h.id)) && h.left > 0 {
			yield(headers.Timeout, Timeout(h.left))
		}
	}
}

// Size is how many bytes the names and values have, or the block that they are in.
func (h *Header) Size() (n int) {
	if h.block != nil {
		return h.block.Len()
	}
	for name, value := range h.fields {
		n += len(name) + len(value)
	}
	return n
}

// Map returns the headers as a map of the caller's own, or as the one that
// MapHeader was given.
func (h *Header) Map() map[string]string {
	if h.fields != nil {
		return h.fields
	}
	size := 4
	if h.block != nil {
		size += h.block.lines
	}
	m := make(map[string]string, size)
	maps.Insert(m, h.All())
	return m
}

// With returns the same header with the content of m.
func (h *Header) With(m map[string]string) Header {
	next := *h
	next.fields, next.block = m, nil
	return next
}

// Has reports whether there is a header of this name, in whatever case.
func (h *Header) Has(name string) bool {
	for n := range h.All() {
		if len(n) == len(name) && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// Head reads the headers that decide what happens to the message. The id and
// the time left of an exchange are not in it.
func (h *Header) Head() Head {
	if h.block != nil {
		return h.block.head
	}
	return ParseHead(h.fields)
}

// TimeLeft is what the caller has left for an exchange, or what the Timeout
// header says. It is not ok without either.
func (h *Header) TimeLeft(head *Head) (time.Duration, bool) {
	if h.exchange {
		return h.left, h.left > 0
	}
	return head.TimeLeft()
}

// Error is the text of the Micro-Error header, and the value of
// CodedErrorHeader.
func (h *Header) Error() (text, coded string) {
	if h.block != nil {
		return h.block.head.Error, h.block.coded
	}
	text, _ = Lookup(h.fields, headers.Error)
	if text != "" {
		coded, _ = Lookup(h.fields, CodedErrorHeader)
	}
	return text, coded
}

// FieldMap returns fields as a map.
func FieldMap(fields []Field) map[string]string {
	h := make(map[string]string, len(fields))
	for _, f := range fields {
		h[f.Name] = f.Value
	}
	return h
}

// AppendMap appends the content of a map in an order that is always the same, so
// that equal maps make equal blocks.
func AppendMap(fields []Field, h map[string]string) []Field {
	from := len(fields)
	for name, value := range h {
		at := len(fields) // by insertion: there are few
		fields = append(fields, Field{})
		for ; at > from && fields[at-1].Name > name; at-- {
			fields[at] = fields[at-1]
		}
		fields[at] = Field{name, value}
	}
	return fields
}
