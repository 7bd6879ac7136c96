package mdns_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/mdns"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// ownName is a service name that nobody else on the network uses.
func ownName() string { return "_" + strings.ToLower(rand.Text()[:10]) + "._tcp" }

func service(t testing.TB, instance, name string, ips ...net.IP) *mdns.MDNSService {
	t.Helper()
	if len(ips) == 0 {
		ips = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	s, err := mdns.NewMDNSService(instance, name, "local.", "box.", 8080, ips, []string{"a=1", "b=2"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func server(t testing.TB, config *mdns.Config) *mdns.Server {
	t.Helper()
	s, err := mdns.NewServer(config)
	if err != nil {
		t.Skipf("multicast is not available: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

// query collects what is found until enough or until a patient while is over.
func query(t testing.TB, params *mdns.QueryParam, enough int) map[string]*mdns.ServiceEntry {
	t.Helper()
	found := map[string]*mdns.ServiceEntry{}
	testkit.Eventually(t, fmt.Sprintf("%d instances of %s are found", enough, params.Service), func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		entries := make(chan *mdns.ServiceEntry)
		params.Context, params.Entries = ctx, entries
		done := make(chan error, 1)
		go func() { done <- mdns.Query(params) }()
		for {
			select {
			case e := <-entries:
				found[e.Name] = e
				if len(found) == enough {
					cancel()
				}
			case err := <-done:
				if err != nil {
					t.Fatalf("query: %v", err)
				}
				return len(found) >= enough
			}
		}
	})
	return found
}

func TestAZoneAnswersWithTheRecordsAskedFor(t *testing.T) {
	s, err := mdns.NewMDNSService("i", "_s._tcp", "local.", "box.", 80,
		[]net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{
		"_s._tcp.local. PTR":                "PTR SRV A AAAA TXT",
		"_s._tcp.local. ANY":                "PTR SRV A AAAA TXT",
		"i._s._tcp.local. ANY":              "SRV A AAAA TXT",
		"i._s._tcp.local. SRV":              "SRV A AAAA",
		"i._s._tcp.local. TXT":              "TXT",
		"i._s._tcp.local. A":                "A",
		"i._s._tcp.local. AAAA":             "AAAA",
		"i._s._tcp.local. PTR":              "",
		"box. A":                            "A",
		"box. AAAA":                         "AAAA",
		"_services._dns-sd._udp.local. PTR": "PTR",
		"_services._dns-sd._udp.local. ANY": "PTR",
		"_services._dns-sd._udp.local. TXT": "",
		"somebody._s._tcp.local. ANY":       "",
		"_s._tcp.elsewhere. PTR":            "",
	} {
		name, qtype, _ := strings.Cut(question, " ")
		var got []string
		for _, rr := range s.Records(dns.Question{Name: name, Qtype: dns.StringToType[qtype]}) {
			got = append(got, dns.TypeToString[rr.Header().Rrtype])
			if rr.Header().Ttl != 120 || rr.Header().Class != dns.ClassINET {
				t.Errorf("%s: record %v", question, rr)
			}
			if srv, ok := rr.(*dns.SRV); ok && (srv.Priority != 10 || srv.Weight != 1 || srv.Target != "box.") {
				t.Errorf("%s: record %v", question, rr)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is answered with %v, want %s", question, got, want)
		}
	}
}

func TestDNSSDServiceListsADomainWithoutDot(t *testing.T) {
	s := service(t, "i", "_s._tcp")
	question := dns.Question{Name: "_services._dns-sd._udp.local.", Qtype: dns.TypePTR}
	for _, domain := range []string{"local.", "local"} {
		s.Domain = domain
		records := (&mdns.DNSSDService{MDNSService: s}).Records(question)
		if len(records) != 1 || records[0].(*dns.PTR).Ptr != "_s._tcp.local." {
			t.Errorf("domain %q: %v", domain, records)
		}
	}
}

func TestNewMDNSServiceChecksItsArguments(t *testing.T) {
	ips := []net.IP{net.IPv4(127, 0, 0, 1)}
	cases := map[string]func() (*mdns.MDNSService, error){
		"no instance":        func() (*mdns.MDNSService, error) { return mdns.NewMDNSService("", "s", "", "", 1, ips, nil) },
		"no service":         func() (*mdns.MDNSService, error) { return mdns.NewMDNSService("i", "", "", "", 1, ips, nil) },
		"no port":            func() (*mdns.MDNSService, error) { return mdns.NewMDNSService("i", "s", "", "", 0, ips, nil) },
		"domain without dot": func() (*mdns.MDNSService, error) { return mdns.NewMDNSService("i", "s", "x", "", 1, ips, nil) },
		"host without dot":   func() (*mdns.MDNSService, error) { return mdns.NewMDNSService("i", "s", "", "h", 1, ips, nil) },
		"an odd IP": func() (*mdns.MDNSService, error) {
			return mdns.NewMDNSService("i", "s", "", "h.", 1, []net.IP{{1, 2}}, nil)
		},
	}
	for name, make := range cases {
		if _, err := make(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	s, err := mdns.NewMDNSService("i", "s", "", "", 1, ips, nil)
	if err != nil || s.Domain != "local." || !strings.HasSuffix(s.HostName, ".") || s.TTL != 120 {
		t.Errorf("defaults are %+v: %v", s, err)
	}
}

func TestServerIsFound(t *testing.T) {
	name := ownName()
	server(t, &mdns.Config{Zone: service(t, "i1", name)})
	for _, unicast := range []bool{false, true} {
		found := query(t, &mdns.QueryParam{Service: name, WantUnicastResponse: unicast}, 1)
		e := found["i1."+name+".local."]
		if e == nil || e.Host != "box." || e.Port != 8080 || !e.AddrV4.Equal(net.IPv4(127, 0, 0, 1)) ||
			e.Info != "a=1|b=2" || len(e.InfoFields) != 2 || e.TTL != 120 {
			t.Errorf("found %+v", e)
		}
	}
}

func TestInstancesOnOneHostKeepTheirOwnAddresses(t *testing.T) {
	name := ownName()
	want := map[string]string{}
	for i := range 4 {
		instance, ip := fmt.Sprint("i", i), net.IPv4(127, 0, 1, byte(i))
		server(t, &mdns.Config{Zone: service(t, instance, name, ip)})
		want[instance+"."+name+".local."] = ip.String()
	}
	found := query(t, &mdns.QueryParam{Service: name}, len(want))
	for instance, ip := range want {
		if e := found[instance]; e == nil || e.AddrV4.String() != ip {
			t.Errorf("%s is %+v, want address %s", instance, e, ip)
		}
	}
}

// incomplete is a zone that gives its TXT record only to those who ask for it.
type incomplete struct{ mdns.Zone }

func (z incomplete) Records(q dns.Question) []dns.RR {
	records := z.Zone.Records(q)
	if q.Qtype == dns.TypePTR && len(records) > 0 {
		return records[:len(records)-1]
	}
	return records
}

func TestAnswersToFollowUpQuestionsAreAccepted(t *testing.T) {
	name := ownName()
	server(t, &mdns.Config{Zone: incomplete{service(t, "i1", name)}})
	if e := query(t, &mdns.QueryParam{Service: name}, 1)["i1."+name+".local."]; e.Info != "a=1|b=2" {
		t.Errorf("found %+v", e)
	}
}

func TestListenHearsAnnouncementsAndGoodbye(t *testing.T) {
	name := ownName()
	entries, exit, done := make(chan *mdns.ServiceEntry), make(chan struct{}), make(chan error, 1)
	go func() { done <- mdns.Listen(entries, exit) }()
	s := server(t, &mdns.Config{Zone: service(t, "i1", name)})
	await := func(ttl int) {
		t.Helper()
		timeout := time.After(testkit.Patience)
		for {
			select {
			case e := <-entries:
				if e.Name == "i1."+name+".local." && e.TTL == ttl {
					return
				}
			case err := <-done:
				t.Fatalf("listen: %v", err)
			case <-timeout:
				t.Fatalf("no entry with TTL %d", ttl)
			}
		}
	}
	await(120)
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	await(0)
	close(exit)
	if err := <-done; err != nil {
		t.Errorf("listen: %v", err)
	}
}

func TestShutdownEndsTheProbePhase(t *testing.T) {
	for range 3 {
		s, err := mdns.NewServer(&mdns.Config{Zone: service(t, "i1", ownName())})
		if err != nil {
			t.Skipf("multicast is not available: %v", err)
		}
		for range 2 {
			if err := s.Shutdown(); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		}
	}
	testkit.NoLeaks(t)
}

func TestQueryEndsWithItsTimeout(t *testing.T) {
	testkit.NoLeaks(t)
	err := mdns.Query(&mdns.QueryParam{Service: ownName(), Timeout: 10 * time.Millisecond, Entries: make(chan *mdns.ServiceEntry)})
	if err != nil {
		t.Errorf("query: %v", err)
	}
}

func TestQueryFailsWithoutAnyInterface(t *testing.T) {
	nowhere := &net.Interface{Index: 1 << 20, Name: "nowhere"}
	if err := mdns.Query(&mdns.QueryParam{Service: "s", Interface: nowhere, Timeout: time.Millisecond}); err == nil {
		t.Error("no error")
	}
	if _, err := mdns.NewServer(&mdns.Config{Zone: service(t, "i", "s"), Iface: nowhere}); err == nil {
		t.Error("no error from the server")
	}
}

func TestFailedConstructionClosesItsSockets(t *testing.T) {
	count := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("open files cannot be counted: %v", err)
		}
		return len(files)
	}
	nowhere := &net.Interface{Index: 1 << 20, Name: "nowhere"}
	before := count()
	for range 50 {
		if _, err := mdns.NewServer(&mdns.Config{Zone: service(t, "i", "s"), Iface: nowhere}); err == nil {
			t.Fatal("no error")
		}
	}
	if left := count() - before; left > 10 {
		t.Errorf("%d files left open", left)
	}
}

// exchange sends queries to a server on a port of its own and returns its replies.
func exchange(t testing.TB, port int, msgs ...*dns.Msg) []*dns.Msg {
	t.Helper()
	conn, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, msg := range msgs {
		data, err := msg.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 1<<16)
	var replies []*dns.Msg
	for {
		conn.SetReadDeadline(time.Now().Add(testkit.Patience))
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("no reply: %v", err)
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(buf[:n]); err != nil {
			t.Fatal(err)
		}
		if reply.Question[0].Name == "last." {
			return replies
		}
		replies = append(replies, reply)
	}
}

// withLast adds a name that ends an exchange to a zone.
type withLast struct{ mdns.Zone }

func (z withLast) Records(q dns.Question) []dns.RR {
	if q.Name == "last." {
		return []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}}}
	}
	return z.Zone.Records(q)
}

func question(name string) *dns.Msg { return new(dns.Msg).SetQuestion(name, dns.TypePTR) }

func TestServerReplies(t *testing.T) {
	port := testkit.FreePort(t)
	server(t, &mdns.Config{Port: port, Zone: withLast{service(t, "i", "_s._tcp")}})

	plain, unicast := question("_s._tcp.local."), question("_s._tcp.local.")
	unicast.Question[0].Qclass |= 1 << 15
	unicast.Id = 77
	response, status, unknown := question("_s._tcp.local."), question("_s._tcp.local."), question("nobody.local.")
	response.Response = true
	status.Opcode = dns.OpcodeStatus
	replies := exchange(t, port, response, status, unknown, plain, unicast, question("last."))

	if len(replies) != 2 {
		t.Fatalf("%d replies, want one to each proper question", len(replies))
	}
	for i, id := range []uint16{0, 77} {
		r := replies[i]
		if !r.Response || !r.Authoritative || r.Id != id || len(r.Question) != 1 || len(r.Answer) != 4 {
			t.Errorf("reply %d is %v", i, r)
		}
	}
}

func TestPortAppliesToOneServerOnly(t *testing.T) {
	name := ownName()
	server(t, &mdns.Config{Port: testkit.FreePort(t), Zone: service(t, "elsewhere", name)})
	server(t, &mdns.Config{Zone: service(t, "here", name)})
	if found := query(t, &mdns.QueryParam{Service: name}, 1); found["here."+name+".local."] == nil {
		t.Errorf("found %v", found)
	}
}

func TestReplyTooLargeForAMessageIsSplit(t *testing.T) {
	name := ownName()
	s := service(t, "i1", name)
	s.TXT = nil
	for range 100 {
		s.TXT = append(s.TXT, strings.Repeat("x", 255))
	}
	server(t, &mdns.Config{Zone: s})
	if e := query(t, &mdns.QueryParam{Service: name}, 1)["i1."+name+".local."]; len(e.InfoFields) != 100 {
		t.Errorf("found %d strings", len(e.InfoFields))
	}
}

func TestParamsHaveDefaults(t *testing.T) {
	p := mdns.DefaultParams("s")
	if p.Service != "s" || p.Domain != "local" || p.Timeout != time.Second || p.Entries == nil {
		t.Errorf("defaults are %+v", p)
	}
}

func ExampleMDNSService() {
	zone, err := mdns.NewMDNSService("printer1", "_ipp._tcp", "local.", "printer1.local.", 631,
		[]net.IP{net.IPv4(192, 0, 2, 1)}, []string{"paper=A4"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, record := range zone.Records(dns.Question{Name: "_ipp._tcp.local.", Qtype: dns.TypePTR}) {
		fmt.Println(strings.ReplaceAll(record.String(), "\t", " "))
	}
	// Output:
	// _ipp._tcp.local. 120 IN PTR printer1._ipp._tcp.local.
	// printer1._ipp._tcp.local. 120 IN SRV 10 1 631 printer1.local.
	// printer1.local. 120 IN A 192.0.2.1
	// printer1._ipp._tcp.local. 120 IN TXT "paper=A4"
}
