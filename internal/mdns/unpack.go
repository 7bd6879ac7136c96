package mdns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// ErrMessage says that bytes are not a DNS message.
var ErrMessage = errors.New("mdns: not a valid message")

// What can be wrong with a message. Anybody can send many of them, so saying
// it allocates nothing.
var (
	errShort   = fmt.Errorf("%w: it ends early", ErrMessage)
	errLong    = fmt.Errorf("%w: a name has more than %d bytes", ErrMessage, maxName)
	errLabel   = fmt.Errorf("%w: a label is of an unknown kind", ErrMessage)
	errPointer = fmt.Errorf("%w: a compression pointer does not lead back", ErrMessage)
	errContent = fmt.Errorf("%w: the content of a record does not fit its length", ErrMessage)
	errMany    = fmt.Errorf("%w: it has more than %d questions and records", ErrMessage, maxItems)
)

const (
	headerSize = 12

	// maxItems bounds the questions and records of a message: more than fit into
	// the largest one of multicast DNS.
	maxItems = 1024

	// maxHops is how many pointers a name of the greatest length can need.
	maxHops = maxName / 2

	// maxPrinted is the greatest length of a name in presentation form.
	maxPrinted = 4 * maxName
)

// Unpack reads a message. Records of unknown types are skipped, and so is what
// follows the last record. It fails with ErrMessage, and keeps nothing of data.
func Unpack(data []byte) (*Message, error) {
	if len(data) < headerSize {
		return nil, errShort
	}
	bits := binary.BigEndian.Uint16(data[2:])
	m := &Message{
		ID:            binary.BigEndian.Uint16(data),
		Opcode:        uint8(bits>>shiftOpcode) & 0xf,
		Rcode:         uint8(bits) & 0xf,
		Response:      bits&bitResponse != 0,
		Authoritative: bits&bitAuthoritative != 0,
	}
	var counts [4]int
	total := 0
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(data[4+2*i:]))
		total += counts[i]
	}
	if total > maxItems {
		return nil, errMany
	}
	u := unpacker{data: data, off: headerSize}
	var err error
	if m.Questions, err = u.questions(counts[0]); err != nil {
		return nil, err
	}
	for i, section := range [...]*[]Record{&m.Answers, &m.Authorities, &m.Additionals} {
		if *section, err = u.records(counts[1+i]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// unpacker reads a message from front to back.
type unpacker struct {
	data []byte
	off  int
}

// take returns the next n bytes.
func (u *unpacker) take(n int) ([]byte, error) {
	if n > len(u.data)-u.off {
		return nil, errShort
	}
	u.off += n
	return u.data[u.off-n : u.off], nil
}

func (u *unpacker) questions(count int) ([]Question, error) {
	var questions []Question
	for range count {
		name, err := u.name()
		if err != nil {
			return nil, err
		}
		b, err := u.take(4)
		if err != nil {
			return nil, err
		}
		questions = append(questions, Question{
			Name: name, Type: binary.BigEndian.Uint16(b), Class: binary.BigEndian.Uint16(b[2:]),
		})
	}
	return questions, nil
}

func (u *unpacker) records(count int) ([]Record, error) {
	var records []Record
	for range count {
		var r Record
		known, err := u.record(&r)
		if err != nil {
			return nil, err
		}
		if known {
			records = append(records, r)
		}
	}
	return records, nil
}

// record reads a record and reports whether it is of a known type.
func (u *unpacker) record(r *Record) (known bool, err error) {
	if r.Name, err = u.name(); err != nil {
		return false, err
	}
	b, err := u.take(10)
	if err != nil {
		return false, err
	}
	r.Type, r.Class = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	r.TTL = binary.BigEndian.Uint32(b[4:])
	size := int(binary.BigEndian.Uint16(b[8:]))
	if size > len(u.data)-u.off {
		return false, errShort
	}
	end := u.off + size
	if known, err = u.content(r, end); err != nil {
		return false, err
	}
	if known && u.off != end {
		return false, errContent
	}
	u.off = end
	return known, nil
}

// content reads what follows the head of a record, up to end.
func (u *unpacker) content(r *Record, end int) (known bool, err error) {
	content := u.data[u.off:end]
	switch r.Type {
	case TypePTR:
		r.Target, err = u.name()
	case TypeSRV:
		if len(content) < 6 {
			return false, errContent
		}
		r.Priority, r.Weight = binary.BigEndian.Uint16(content), binary.BigEndian.Uint16(content[2:])
		r.Port = binary.BigEndian.Uint16(content[4:])
		u.off += 6
		r.Target, err = u.name()
	case TypeTXT:
		u.off = end
		r.Text, err = readText(content)
	case TypeA, TypeAAAA:
		u.off = end
		r.Addr, err = readAddr(r.Type, content)
	default:
		return false, nil
	}
	return true, err
}

func readText(content []byte) ([]string, error) {
	var text []string
	for len(content) > 0 {
		size := int(content[0])
		if content = content[1:]; size > len(content) {
			return nil, errContent
		}
		text = append(text, string(content[:size]))
		content = content[size:]
	}
	return text, nil
}

func readAddr(rtype uint16, content []byte) (netip.Addr, error) {
	addr, ok := netip.AddrFromSlice(content)
	if !ok || addr.Is4() != (rtype == TypeA) {
		return netip.Addr{}, errContent
	}
	return addr, nil
}

// name reads a name and returns it in presentation form.
//
// Every pointer must lead to before where the labels now read started, and there
// are at most as many as a name can need, so that no name costs much.
func (u *unpacker) name() (string, error) {
	var printed [maxPrinted]byte
	out := printed[:0]
	off, start, size, hops := u.off, u.off, 1, 0
	for {
		if off >= len(u.data) {
			return "", errShort
		}
		length := int(u.data[off])
		off++
		switch {
		case length == 0:
			if hops == 0 {
				u.off = off
			}
			if len(out) == 0 {
				return ".", nil
			}
			return string(out), nil
		case length <= maxLabel:
			if length > len(u.data)-off {
				return "", errShort
			}
			if size += 1 + length; size > maxName {
				return "", errLong
			}
			out = append(appendPrinted(out, u.data[off:off+length]), '.')
			off += length
		case length&pointerBits == pointerBits:
			if off >= len(u.data) {
				return "", errShort
			}
			if hops == 0 {
				u.off = off + 1
			}
			off = length&^pointerBits<<8 | int(u.data[off])
			if hops++; off >= start || hops > maxHops {
				return "", errPointer
			}
			start = off
		default:
			return "", errLabel
		}
	}
}
