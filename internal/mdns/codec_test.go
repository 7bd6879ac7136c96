package mdns_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// allTypes is a message with everything in it.
func allTypes() *mdns.Message {
	i := golden()
	return &mdns.Message{
		ID: 7, Response: true, Authoritative: true, Compress: true, Opcode: 2, Rcode: 3,
		Questions: []mdns.Question{
			{Name: i.ServiceName(), Type: mdns.TypePTR, Class: mdns.ClassINET},
			{Name: i.FullName(), Type: mdns.TypeANY, Class: mdns.ClassANY | 1<<15},
		},
		Answers:     append(i.Answer(mdns.Question{Name: i.ServiceName(), Type: mdns.TypePTR}), i.Records()...),
		Authorities: i.Records()[:1],
		Additionals: i.Records()[1:],
	}
}

func TestMessageSurvivesTheWire(t *testing.T) {
	for _, compress := range []bool{false, true} {
		want := allTypes()
		want.Compress = compress
		got, err := mdns.Unpack(must(want.Pack()))
		if err != nil {
			t.Fatal(err)
		}
		got.Compress = compress
		if !reflect.DeepEqual(got, want) {
			t.Errorf("compressed %v: read\n%+v, want\n%+v", compress, got, want)
		}
	}
}

// Another library, which knows all of DNS, writes the same bytes.
func TestMessageIsWrittenAsOthersWriteIt(t *testing.T) {
	hdr := func(name string, rtype uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: rtype, Class: dns.ClassINET, Ttl: 120}
	}
	other := &dns.Msg{
		MsgHdr: dns.MsgHdr{Id: 7, Response: true, Authoritative: true},
		Question: []dns.Question{
			{Name: "greeter.micro.", Qtype: dns.TypePTR, Qclass: dns.ClassINET},
			{Name: `Greeter.a\.b\032c\195\188.micro.`, Qtype: dns.TypeANY, Qclass: dns.ClassINET},
		},
		Answer: []dns.RR{
			&dns.PTR{Hdr: hdr("greeter.micro.", dns.TypePTR), Ptr: `x.a\.b\032c\195\188.micro.`},
			&dns.SRV{Hdr: hdr("x.greeter.micro.", dns.TypeSRV), Priority: 1, Weight: 2, Port: 3, Target: "box.greeter.micro."},
			&dns.A{Hdr: hdr("box.greeter.micro.", dns.TypeA), A: net.IPv4(192, 0, 2, 1)},
			&dns.TXT{Hdr: hdr("x.greeter.micro.", dns.TypeTXT)},
			&dns.PTR{Hdr: hdr(".", dns.TypePTR), Ptr: "."},
		},
		Ns:    []dns.RR{&dns.AAAA{Hdr: hdr("box.greeter.micro.", dns.TypeAAAA), AAAA: net.ParseIP("2001:db8::1")}},
		Extra: []dns.RR{&dns.TXT{Hdr: hdr(strings.Repeat("long.", 50), dns.TypeTXT), Txt: []string{"a", ""}}},
	}
	for _, compress := range []bool{false, true} {
		other.Compress = compress
		want := must(other.Pack())
		msg, err := mdns.Unpack(want)
		if err != nil {
			t.Fatal(err)
		}
		msg.Compress = compress
		if got := must(msg.Pack()); !bytes.Equal(got, want) {
			t.Errorf("compressed %v: written as\n%x, want\n%x", compress, got, want)
		}
		if got := msg.Answers[0].Target; got != `x.a\.b\ c\195\188.micro.` {
			t.Errorf("the name became %s", got)
		}
	}
}

// raw returns a message with the given counts of questions and answers.
func raw(questions, answers byte, body string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	return append([]byte{0, 0, 0, 0, 0, questions, 0, answers, 0, 0, 0, 0}, must(data, err)...)
}

func TestUnpackRejectsWhatIsNoMessage(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                        nil,
		"half a header":                  make([]byte, 11),
		"a question that is not there":   raw(1, 0, ""),
		"a record that is not there":     raw(0, 1, ""),
		"a name without end":             raw(1, 0, "01 61"),
		"a label without end":            raw(1, 0, "05 61"),
		"half a question":                raw(1, 0, "00 0001 00"),
		"half a pointer":                 raw(1, 0, "c0"),
		"a pointer to itself":            raw(1, 0, "c00c 0001 0001"),
		"a pointer ahead":                raw(1, 0, "c012 0001 0001 00"),
		"pointers in a circle":           raw(2, 0, "0161 c00c 0001 0001 c00e 0001 0001"),
		"a label of an unknown kind":     raw(1, 0, "41 61 00 0001 0001"),
		"a name over 255 bytes":          raw(1, 0, strings.Repeat("01 61", 128)+"00 0001 0001"),
		"a record without head":          raw(0, 1, "00 0001 0001"),
		"a record longer than the rest":  raw(0, 1, "00 0001 0001 00000000 0005 01020304"),
		"an A record of 3 bytes":         raw(0, 1, "00 0001 0001 00000000 0003 010203"),
		"an A record of 16 bytes":        raw(0, 1, "00 0001 0001 00000000 0010"+strings.Repeat("00", 16)),
		"an AAAA record of 4 bytes":      raw(0, 1, "00 001c 0001 00000000 0004 01020304"),
		"a PTR record without name":      raw(0, 1, "00 000c 0001 00000000 0000"),
		"a PTR record with more":         raw(0, 1, "00 000c 0001 00000000 0003 00 0000"),
		"a PTR name beyond its record":   raw(0, 1, "00 000c 0001 00000000 0001 01 61 00"),
		"a SRV record of 5 bytes":        raw(0, 1, "00 0021 0001 00000000 0005 0000000000"),
		"a SRV record without target":    raw(0, 1, "00 0021 0001 00000000 0006 000000000000"),
		"a TXT string beyond its record": raw(0, 1, "00 0010 0001 00000000 0002 02 61 62"),
		"more records than fit":          append([]byte{0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0}, make([]byte, 1<<16)...),
	} {
		if msg, err := mdns.Unpack(data); !errors.Is(err, mdns.ErrMessage) {
			t.Errorf("%s: read %+v: %v", name, msg, err)
		}
	}
}

// pointers returns a message whose last name is read by way of count pointers.
func pointers(count int) []byte {
	const first = 12 + 5 + 11 // where the content of the first record starts
	chain := []byte{0xc0, 12} // leads to the root
	for at := first; len(chain) < 2*(count-1); at += 2 {
		chain = append(chain, 0xc0|byte(at>>8), byte(at))
	}
	last := first + len(chain) - 2
	data := raw(1, 2, "00 0001 0001"+"00 00ff 0001 00000000"+hex.EncodeToString([]byte{byte(len(chain) >> 8), byte(len(chain))}))
	data = append(append(data, chain...), 0xc0|byte(last>>8), byte(last))
	return append(data, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 7)
}

func TestUnpackFollowsFewPointers(t *testing.T) {
	if msg, err := mdns.Unpack(pointers(100)); err != nil || msg.Answers[0].Name != "." {
		t.Errorf("100 pointers: read %+v: %v", msg, err)
	}
	if _, err := mdns.Unpack(pointers(200)); !errors.Is(err, mdns.ErrMessage) {
		t.Errorf("200 pointers: error is %v", err)
	}
}

func TestUnpackSkipsRecordsOfOtherTypes(t *testing.T) {
	msg, err := mdns.Unpack(raw(0, 2, "00 002f 0001 00000078 0003 ffffff"+"0161 00 0001 8001 00000078 0004 c0000207"+"ff"))
	if err != nil {
		t.Fatal(err)
	}
	want := []mdns.Record{{Name: "a.", Type: mdns.TypeA, Class: 0x8001, TTL: 120, Addr: netip.MustParseAddr("192.0.2.7")}}
	if !reflect.DeepEqual(msg.Answers, want) {
		t.Errorf("read %+v", msg.Answers)
	}
}

func TestPackRejectsWhatCannotBeWritten(t *testing.T) {
	record := func(change func(*mdns.Record)) *mdns.Message {
		r := mdns.Record{Name: "x.", Type: mdns.TypeA, Addr: netip.MustParseAddr("192.0.2.7"), Target: "y."}
		change(&r)
		return &mdns.Message{Answers: []mdns.Record{r}}
	}
	cases := map[string]struct {
		msg  *mdns.Message
		want error
	}{
		"a question without name": {&mdns.Message{Questions: []mdns.Question{{}}}, mdns.ErrName},
		"an empty label":          {record(func(r *mdns.Record) { r.Name = "a..b." }), mdns.ErrName},
		"a long label":            {record(func(r *mdns.Record) { r.Name = strings.Repeat("x", 64) }), mdns.ErrName},
		"a long name":             {record(func(r *mdns.Record) { r.Name = strings.Repeat("x.", 128) }), mdns.ErrName},
		"a SRV without target":    {record(func(r *mdns.Record) { r.Type, r.Target = mdns.TypeSRV, "" }), mdns.ErrName},
		"a long TXT string":       {record(func(r *mdns.Record) { r.Type, r.Text = mdns.TypeTXT, []string{strings.Repeat("x", 256)} }), mdns.ErrTooLarge},
		"a long TXT record": {record(func(r *mdns.Record) {
			r.Type, r.Text = mdns.TypeTXT, strings.Split(strings.Repeat(strings.Repeat("x", 255)+" ", 257), " ")
		}), mdns.ErrTooLarge},
		"an A of IPv6":       {record(func(r *mdns.Record) { r.Addr = netip.IPv6Loopback() }), nil},
		"an AAAA of nothing": {record(func(r *mdns.Record) { r.Type, r.Addr = mdns.TypeAAAA, netip.Addr{} }), nil},
		"an unknown type":    {record(func(r *mdns.Record) { r.Type = 47 }), nil},
	}
	for name, c := range cases {
		if data, err := c.msg.Pack(); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: packed into %d bytes: %v", name, len(data), err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, seed := range []string{goldenAnnouncement, goldenReply, goldenList} {
		f.Add(must(hex.DecodeString(seed)))
	}
	f.Add(must(allTypes().Pack()))
	f.Add(raw(2, 0, "0161 c00c 0001 0001 c00e 0001 0001"))
	f.Add(raw(0, 1, "00 002f 0001 00000000 0003 ffffff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		msg, err := mdns.Unpack(data)
		if err != nil {
			if !errors.Is(err, mdns.ErrMessage) {
				t.Errorf("error is %v", err)
			}
			return
		}
		checkAgainstLibrary(t, msg, data)
		for _, msg.Compress = range []bool{false, true} {
			packed, err := msg.Pack()
			if errors.Is(err, mdns.ErrTooLarge) {
				continue
			}
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			again, err := mdns.Unpack(packed)
			if err != nil {
				t.Fatalf("what was written cannot be read: %v", err)
			}
			if again.Compress = msg.Compress; !reflect.DeepEqual(again, msg) {
				t.Errorf("read\n%+v, then\n%+v", msg, again)
			}
		}
	})
}

// checkAgainstLibrary compares the names in msg with what another library reads.
func checkAgainstLibrary(t *testing.T, msg *mdns.Message, data []byte) {
	other := new(dns.Msg)
	if other.Unpack(data) != nil || len(other.Question) != len(msg.Questions) {
		return // it looks into records that are skipped here
	}
	for i, q := range msg.Questions {
		if o := other.Question[i]; o.Name != q.Name || o.Qtype != q.Type || o.Qclass != q.Class {
			t.Errorf("question %+v is read as %+v", o, q)
		}
	}
	var known []dns.RR
	for _, record := range other.Answer {
		switch record.(type) {
		case *dns.PTR, *dns.SRV, *dns.TXT, *dns.A, *dns.AAAA:
			known = append(known, record)
		}
	}
	if len(known) != len(msg.Answers) {
		t.Fatalf("%d answers are read as %d", len(known), len(msg.Answers))
	}
	for i, r := range msg.Answers {
		hdr := known[i].Header()
		target := ""
		switch o := known[i].(type) {
		case *dns.PTR:
			target = o.Ptr
		case *dns.SRV:
			target = o.Target
		}
		if hdr.Name != r.Name || hdr.Ttl != r.TTL || hdr.Class != r.Class || target != r.Target {
			t.Errorf("answer %v is read as %+v", known[i], r)
		}
	}
}
