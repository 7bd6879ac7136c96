package mdns

import (
	"net/netip"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
)

// toQuestion returns q for the engine.
func toQuestion(q dns.Question) engine.Question {
	return engine.Question{Name: q.Name, Type: q.Qtype, Class: q.Qclass}
}

// fromRecords returns the engine's records for a zone.
func fromRecords(records []engine.Record) []dns.RR {
	var out []dns.RR
	for _, r := range records {
		hdr := dns.RR_Header{Name: r.Name, Rrtype: r.Type, Class: r.Class, Ttl: r.TTL}
		switch r.Type {
		case engine.TypePTR:
			out = append(out, &dns.PTR{Hdr: hdr, Ptr: r.Target})
		case engine.TypeSRV:
			out = append(out, &dns.SRV{Hdr: hdr, Priority: r.Priority, Weight: r.Weight, Port: r.Port, Target: r.Target})
		case engine.TypeTXT:
			out = append(out, &dns.TXT{Hdr: hdr, Txt: r.Text})
		case engine.TypeA:
			out = append(out, &dns.A{Hdr: hdr, A: r.Addr.AsSlice()})
		case engine.TypeAAAA:
			out = append(out, &dns.AAAA{Hdr: hdr, AAAA: r.Addr.AsSlice()})
		}
	}
	return out
}

// toRecords returns what the engine understands of records.
func toRecords(records []dns.RR) []engine.Record {
	var out []engine.Record
	for _, rr := range records {
		hdr := rr.Header()
		r := engine.Record{Name: hdr.Name, Type: hdr.Rrtype, Class: hdr.Class, TTL: hdr.Ttl}
		ok := true
		switch rr := rr.(type) {
		case *dns.PTR:
			r.Target = rr.Ptr
		case *dns.SRV:
			r.Priority, r.Weight, r.Port, r.Target = rr.Priority, rr.Weight, rr.Port, rr.Target
		case *dns.TXT:
			r.Text = rr.Txt
		case *dns.A:
			r.Addr, ok = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			r.Addr, ok = netip.AddrFromSlice(rr.AAAA.To16())
		default:
			ok = false
		}
		if ok {
			out = append(out, r)
		}
	}
	return out
}

// fromMessage returns a message of the engine.
func fromMessage(m *engine.Message) *dns.Msg {
	msg := new(dns.Msg)
	msg.Id, msg.Response, msg.Authoritative, msg.Compress = m.ID, m.Response, m.Authoritative, m.Compress
	for _, q := range m.Questions {
		msg.Question = append(msg.Question, dns.Question{Name: q.Name, Qtype: q.Type, Qclass: q.Class})
	}
	msg.Answer, msg.Ns, msg.Extra = fromRecords(m.Answers), fromRecords(m.Authorities), fromRecords(m.Additionals)
	return msg
}

// sightings collects what a response says about each instance. Texts come as the
// DNS library prints them.
func sightings(msg *dns.Msg) []*engine.Sighting {
	return engine.ReadSightings(&engine.Message{Answers: toRecords(msg.Answer), Additionals: toRecords(msg.Extra)})
}

// pack writes msg as datagrams, TXT records apart when it is large.
func pack(msg *dns.Msg) ([][]byte, error) {
	return engine.Split(func(part engine.Part) ([]byte, error) {
		if part == engine.Whole {
			return msg.Pack()
		}
		some := *msg
		some.Answer = nil
		for _, record := range msg.Answer {
			if (record.Header().Rrtype == dns.TypeTXT) == (part == engine.TextOnly) {
				some.Answer = append(some.Answer, record)
			}
		}
		if len(some.Answer) == 0 {
			return nil, nil
		}
		return some.Pack()
	})
}

// reply returns the answer to the questions of query, with its id only when q,
// one of them, asks for unicast.
func reply(query *dns.Msg, q dns.Question, answer []dns.RR) *dns.Msg {
	m := engine.Reply(&engine.Message{ID: query.Id}, toQuestion(q), nil)
	msg := fromMessage(m)
	msg.Question, msg.Answer = query.Question, answer
	return msg
}
