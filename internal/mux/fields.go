package mux

import (
	"encoding/binary"
	"iter"
	"maps"
	"time"
)

// Field is one header of a message that is sent.
type Field struct{ Name, Value string }

// FieldMap returns fields as a map.
func FieldMap(fields []Field) map[string]string {
	h := make(map[string]string, len(fields))
	for _, f := range fields {
		h[f.Name] = f.Value
	}
	return h
}

// Headers are those of a message that was received, as they arrived. Reading
// them that way spares a small call a third of its time: a map takes as long to
// fill as the rest of the message to handle.
type Headers struct {
	block, changes string
	header         map[string]string // instead of the blocks
}

// HeadersOf returns Headers with the content of h.
func HeadersOf(h map[string]string) Headers { return Headers{header: h} }

// All returns the names and values. A name may come twice; the later value
// counts.
func (h *Headers) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for name, value := range h.header {
			if !yield(name, value) {
				return
			}
		}
		if each(h.block, yield) {
			each(h.changes, yield)
		}
	}
}

// Map returns the headers as a map of the caller's own, or as the one that
// HeadersOf was given.
func (h *Headers) Map() map[string]string {
	if h.header != nil {
		return h.header
	}
	m := make(map[string]string, headersOf(h.block))
	maps.Insert(m, h.All())
	return m
}

// each yields the headers of a valid block. It is false when yield was.
func each(block string, yield func(name, value string) bool) bool {
	for block != "" {
		name, value, rest, err := cutLine(block)
		if err != nil || !yield(name, value) {
			return false
		}
		block = rest
	}
	return true
}

// RecvHeaders is Recv without a map for the headers.
func (s *Socket) RecvHeaders(h *Headers, limit time.Duration) (body []byte, err error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	a, err := s.await(limit)
	if err != nil {
		return nil, err
	}
	s.unanswered.Store(0)
	*h = Headers{a.block, a.changes, a.header}
	if !a.repeats { // what is repeated was checked when it came
		err = decodeBlock(nil, a.block)
	}
	if err == nil {
		err = decodeBlock(nil, a.changes)
	}
	if err != nil {
		s.c.violate(err)
		return nil, err
	}
	return a.body, nil
}

// SendFields is Send of a message with the given headers, no name of which
// comes twice.
func (s *Socket) SendFields(fields []Field, body []byte, limit time.Duration) error {
	return s.send(outgoing{fields: fields}, body, limit)
}

// outgoing are the headers of a message that is sent, in one of two forms.
type outgoing struct {
	header map[string]string
	fields []Field // instead of header, unless nil
}

// appendTo appends the first payload bytes of a message with a body of the given
// size: the lengths, and those headers that the last one did not have as well.
func (o outgoing) appendTo(b []byte, sent *base, size int) (_ []byte, flags uint8, lines int, err error) {
	from := len(b)
	b = append(b, make([]byte, beginSize)...)
	flags = flagBegin
	b, repeats := o.appendChanges(b, sent)
	if repeats {
		flags |= flagRepeat
	} else if b, lines, err = o.appendBlock(b[:from+beginSize]); err != nil {
		return nil, 0, 0, err
	}
	binary.BigEndian.PutUint16(b[from:], uint16(len(b)-from-beginSize))
	binary.BigEndian.PutUint32(b[from+2:], uint32(size))
	return b, flags, lines, nil
}

func (o outgoing) appendChanges(b []byte, sent *base) ([]byte, bool) {
	if o.fields != nil {
		return sent.appendFieldChanges(b, o.fields)
	}
	return sent.appendChanges(b, o.header)
}

// appendBlock appends a header block. It returns the number of headers, or 0 if
// a later message must not repeat the block because a name was spelled in
// another way or came twice.
func (o outgoing) appendBlock(b []byte) (_ []byte, lines int, err error) {
	block := blockWriter{b: b, from: len(b)}
	for _, f := range o.fields {
		block.add(f.Name, f.Value)
	}
	if o.fields == nil {
		for name, value := range o.header {
			block.add(name, value)
		}
	}
	return block.end()
}

// appendFieldChanges is appendChanges for fields. It finds only what is in the
// order of the base, as the fields of one sender are.
func (p *base) appendFieldChanges(b []byte, fields []Field) ([]byte, bool) {
	if len(fields) != p.lines || p.lines == 0 {
		return b, false
	}
	most, rest := len(b)+len(p.block)/2, p.block
	for i := range fields {
		code, f := rest[0], &fields[i]
		name, was, after, err := cutLine(rest)
		if err != nil || f.Name != name && (code == literal || codeOf(f.Name) != code) {
			return b, false
		}
		rest = after
		if f.Value == was {
			continue
		}
		if code == connection {
			return b, false
		}
		if b = appendLine(b, code, name, f.Value); len(b) > most {
			return b, false
		}
	}
	return b, true
}

// FieldSocket is a socket that sends and receives headers without maps.
type FieldSocket interface {
	// SendFields sends a message with the given headers, no name of which comes
	// twice, and keeps nothing of it.
	SendFields(fields []Field, body []byte) error
	// RecvHeaders receives a message. Headers and body are the caller's.
	RecvHeaders(h *Headers) (body []byte, err error)
}
