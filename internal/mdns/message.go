package mdns

import (
	"fmt"
	"math/rand/v2"
)

const (
	// maxMulticast is the largest message multicast DNS allows, and the size up
	// to which an instance travels in one message.
	maxMulticast = 9000 - 48

	// maxDatagram is the most a UDP datagram carries over IPv4.
	maxDatagram = 65507

	// unicastBit in a question's class asks for an answer by unicast.
	unicastBit = 1 << 15
)

// NewQuery returns a question for name. Its id is random and not 0, so that a
// sender knows its own query when the network loops it back.
func NewQuery(name string, qtype uint16, unicast bool) *Message {
	q := Question{Name: name, Type: qtype, Class: ClassINET}
	if unicast {
		q.Class |= unicastBit
	}
	return newQuery([]Question{q})
}

func newQuery(questions []Question) *Message {
	return &Message{ID: queryID(), Questions: questions}
}

func queryID() uint16 { return 1 + uint16(rand.N(1<<16-1)) }

// Announcement returns the message that announces i, or takes leave of it when
// i's TTL is 0.
func Announcement(i *Instance) *Message {
	return &Message{Response: true, Answers: i.Records()}
}

// Probe returns the question that asks whether anybody else has i's name.
func Probe(i *Instance) *Message {
	claim := *i
	claim.TTL = DefaultTTL
	msg := NewQuery(i.FullName(), TypePTR, false)
	msg.Authorities = claim.records(TypeSRV, TypeTXT)
	msg.Authorities[0].Priority, msg.Authorities[0].Weight = 0, 0
	return msg
}

// Reply returns the answer to one question of a query: the question copied, and
// the query's id when it asked for unicast.
func Reply(query *Message, q Question, answers []Record) *Message {
	msg := &Message{Response: true, Authoritative: true, Compress: true, Questions: []Question{q}, Answers: answers}
	if q.Class&unicastBit != 0 {
		msg.ID = query.ID
	}
	return msg
}

// Datagrams writes m as datagrams, as [Split] does.
func (m *Message) Datagrams() ([][]byte, error) {
	return Split(func(part Part) ([]byte, error) {
		msg := *m
		if part != Whole {
			msg.Answers = nil
			for _, record := range m.Answers {
				if (record.Type == TypeTXT) == (part == TextOnly) {
					msg.Answers = append(msg.Answers, record)
				}
			}
			if len(msg.Answers) == 0 {
				return nil, nil
			}
		}
		return msg.Pack()
	})
}

// Part says which answers of a message to write.
type Part int

// The parts of a message.
const (
	Whole       Part = iota
	WithoutText      // all answers but the TXT records
	TextOnly         // of the answers the TXT records alone
)

// Split returns the datagrams of a message, of which pack writes parts; no bytes
// mean that a part has no answers. A message beyond what multicast DNS allows is
// split into one without its TXT records and one with them. ErrTooLarge says that
// even so a datagram cannot hold it.
func Split(pack func(Part) ([]byte, error)) ([][]byte, error) {
	whole, tooLong := packPart(pack, Whole)
	if tooLong == nil && len(whole) <= maxMulticast {
		return [][]byte{whole}, nil
	}
	rest, err := packPart(pack, WithoutText)
	if err != nil {
		return nil, err
	}
	texts, err := packPart(pack, TextOnly)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && len(texts) > 0 {
		return [][]byte{rest, texts}, nil
	}
	if tooLong != nil {
		return nil, tooLong
	}
	return [][]byte{whole}, nil
}

func packPart(pack func(Part) ([]byte, error), part Part) ([]byte, error) {
	data, err := pack(part)
	if err != nil {
		return nil, fmt.Errorf("mdns: pack message: %w", err)
	}
	if len(data) > maxDatagram {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are possible", ErrTooLarge, len(data), maxDatagram)
	}
	return data, nil
}
