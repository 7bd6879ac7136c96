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

	"github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// realEngine returns an engine on the machine's own network, in a domain that
// nobody else uses.
func realEngine(t testing.TB, domain string) *mdns.Engine {
	t.Helper()
	e := mdns.New(mdns.Config{Domain: domain, Decode: decode})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func ownDomain() string { return "t" + strings.ToLower(rand.Text()[:10]) }

// publishReal publishes and skips the test where multicast is impossible.
func publishReal(t testing.TB, e *mdns.Engine, i mdns.Instance) {
	t.Helper()
	if err := e.Publish(context.Background(), i, nil); err != nil {
		t.Skipf("multicast is not available: %v", err)
	}
}

func TestTwoEnginesOfOneProcessFindEachOther(t *testing.T) {
	domain := ownDomain()
	a, b := realEngine(t, domain), realEngine(t, domain)
	publishReal(t, a, node("greeter", "n1", "a"))
	publishReal(t, b, node("greeter", "n2", "a"))
	for _, e := range []*mdns.Engine{a, b} {
		testkit.Eventually(t, "both nodes are found", func() bool { return lookup(t, e, "greeter") == "n1 n2" })
	}
	a.Withdraw(t.Context(), "greeter", "n1")
	testkit.Eventually(t, "the withdrawn node is gone", func() bool { return lookup(t, b, "greeter") == "n2" })
}

func TestQueryFromAnEphemeralPortIsAnsweredByUnicast(t *testing.T) {
	domain := ownDomain()
	publishReal(t, realEngine(t, domain), node("greeter", "n1", "a"))
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		t.Skipf("no IPv4: %v", err)
	}
	defer conn.Close()
	answers := make(chan *mdns.Message, 64)
	go func() {
		defer close(answers)
		buf := make([]byte, 1<<16)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if msg, err := mdns.Unpack(buf[:n]); err == nil {
				answers <- msg
			}
		}
	}()
	question := must(mdns.NewQuery("greeter."+domain+".", mdns.TypePTR, true).Pack())
	group := &net.UDPAddr{IP: mdns.GroupV4.AsSlice(), Port: mdns.Port}
	testkit.Eventually(t, "the query is answered", func() bool {
		if _, err := conn.WriteTo(question, group); err != nil {
			t.Skipf("multicast is not available: %v", err)
		}
		select {
		case msg := <-answers:
			if !msg.Response || !msg.Authoritative || msg.ID == 0 || len(msg.Questions) != 1 || len(msg.Answers) != 4 {
				t.Errorf("answer is %v", msg)
			}
			return true
		case <-time.After(time.Second):
			return false
		}
	})
}

func TestSocketsDoNotGrowWithNodes(t *testing.T) {
	count := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("open files cannot be counted: %v", err)
		}
		return len(files)
	}
	before := count()
	domain := ownDomain()
	server, client := realEngine(t, domain), realEngine(t, domain)
	lookup(t, client, "greeter")
	for n := range 500 {
		publishReal(t, server, node("greeter", fmt.Sprint("n", n), "a"))
	}
	if opened := count() - before; opened > 20 {
		t.Errorf("%d files open for 500 nodes", opened)
	}
	testkit.Eventually(t, "500 nodes are found", func() bool {
		return len(strings.Fields(lookup(t, client, "greeter"))) == 500
	})
}

func TestOpenFailureNamesWhatWasTried(t *testing.T) {
	network := &mdns.Multicast{Interface: &net.Interface{Index: 1 << 20, Name: "nowhere"}}
	link, err := network.Open(func(mdns.Packet) {})
	if err == nil {
		link.Close()
		t.Fatal("joined an interface that does not exist")
	}
	if !strings.Contains(err.Error(), "interface") {
		t.Errorf("error is %v", err)
	}
}
