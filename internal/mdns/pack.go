package mdns

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	maxLabel = 63  // bytes of a label
	maxName  = 255 // bytes of a name in a message, with the lengths of its labels

	// maxPointer is the first offset that a compression pointer cannot express.
	maxPointer = 1 << 14

	pointerBits = 0xc0 // of the byte that starts a pointer
)

// Bits of a header's second word.
const (
	bitResponse      = 1 << 15
	bitAuthoritative = 1 << 10
	shiftOpcode      = 11
)

// Pack writes m in the form of the wire. It fails with ErrName on a name that
// DNS does not allow and with ErrTooLarge on more than a datagram can hold.
func (m *Message) Pack() ([]byte, error) {
	p := packer{data: make([]byte, 0, 512)}
	if m.Compress {
		p.names = map[string]int{}
	}
	p.header(m)
	for i := range m.Questions {
		if err := p.question(&m.Questions[i]); err != nil {
			return nil, err
		}
	}
	for _, section := range [...][]Record{m.Answers, m.Authorities, m.Additionals} {
		for i := range section {
			if err := p.record(&section[i]); err != nil {
				return nil, fmt.Errorf("record of %s: %w", section[i].Name, err)
			}
		}
	}
	if len(p.data) > maxDatagram { // more records than the header can count are more bytes than this
		return nil, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrTooLarge, len(p.data), maxDatagram)
	}
	return p.data, nil
}

// packer appends to a message.
type packer struct {
	data  []byte
	names map[string]int // where names and their tails stand; nil without compression
}

func (p *packer) uint16(values ...uint16) {
	for _, v := range values {
		p.data = binary.BigEndian.AppendUint16(p.data, v)
	}
}

func (p *packer) header(m *Message) {
	bits := uint16(m.Opcode&0xf)<<shiftOpcode | uint16(m.Rcode&0xf)
	if m.Response {
		bits |= bitResponse
	}
	if m.Authoritative {
		bits |= bitAuthoritative
	}
	p.uint16(m.ID, bits, uint16(len(m.Questions)), uint16(len(m.Answers)), uint16(len(m.Authorities)), uint16(len(m.Additionals)))
}

func (p *packer) question(q *Question) error {
	if err := p.name(q.Name, true); err != nil {
		return fmt.Errorf("question: %w", err)
	}
	p.uint16(q.Type, q.Class)
	return nil
}

func (p *packer) record(r *Record) error {
	if err := p.name(r.Name, true); err != nil {
		return err
	}
	p.uint16(r.Type, r.Class)
	p.data = binary.BigEndian.AppendUint32(p.data, r.TTL)
	p.uint16(0)
	start := len(p.data)
	if err := p.content(r); err != nil {
		return err
	}
	size := len(p.data) - start
	if size > math.MaxUint16 {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
	}
	binary.BigEndian.PutUint16(p.data[start-2:], uint16(size))
	return nil
}

func (p *packer) content(r *Record) error {
	switch r.Type {
	case TypePTR:
		return p.name(r.Target, true)
	case TypeSRV:
		p.uint16(r.Priority, r.Weight, r.Port)
		return p.name(r.Target, false) // readers need not understand a pointer here
	case TypeTXT:
		return p.text(r.Text)
	case TypeA:
		if ip := r.Addr.Unmap(); ip.Is4() {
			p.data = append(p.data, ip.AsSlice()...)
			return nil
		}
	case TypeAAAA:
		if r.Addr.IsValid() {
			ip := r.Addr.As16()
			p.data = append(p.data, ip[:]...)
			return nil
		}
	default:
		return fmt.Errorf("mdns: records of type %d cannot be written", r.Type)
	}
	return fmt.Errorf("mdns: %v is no address for a record of type %d", r.Addr, r.Type)
}

func (p *packer) text(parts []string) error {
	for _, part := range parts {
		if len(part) > textString {
			return fmt.Errorf("%w: a TXT string of %d bytes, at most %d are possible", ErrTooLarge, len(part), textString)
		}
		p.data = append(p.data, byte(len(part)))
		p.data = append(p.data, part...)
	}
	return nil
}

// name appends a name, as a pointer from where it or a tail of it has occurred
// before if compress allows that.
func (p *packer) name(name string, compress bool) error {
	start := len(p.data)
	rest := name
	if rest == "." {
		rest = ""
	}
	for rest != "" {
		at, known := p.names[rest]
		if known && compress {
			p.uint16(pointerBits<<8 | uint16(at))
			return nil
		}
		if !known && p.names != nil && len(p.data) < maxPointer {
			p.names[rest] = len(p.data)
		}
		length := len(p.data)
		p.data, rest = cutLabel(append(p.data, 0), rest)
		size := len(p.data) - length - 1
		if size == 0 || size > maxLabel || len(p.data)-start >= maxName {
			return CheckName(name)
		}
		p.data[length] = byte(size)
	}
	if name == "" {
		return CheckName(name)
	}
	p.data = append(p.data, 0)
	return nil
}
