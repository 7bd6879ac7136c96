package registry_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/mdns"
)

// greeter returns a service with one node at each of the addresses.
func greeter(addresses ...string) *registry.Service {
	s := &registry.Service{
		Name:    "greeter",
		Version: "1.0.0",
		Endpoints: []*registry.Endpoint{{
			Name:     "Greeter.Hello",
			Request:  &registry.Value{Name: "Request", Type: "Request", Values: []*registry.Value{{Name: "name", Type: "string"}}},
			Response: &registry.Value{Name: "Response", Type: "Response"},
			Metadata: map[string]string{"stream": "true"},
		}},
	}
	for i, address := range addresses {
		s.Nodes = append(s.Nodes, &registry.Node{
			Id: fmt.Sprintf("greeter-%d", i+1), Address: address, Metadata: map[string]string{"zone": "a"},
		})
	}
	return s
}

func announce(t testing.TB, r registry.Registry, s *registry.Service, opts ...registry.RegisterOption) {
	t.Helper()
	if err := r.Register(s, opts...); err != nil {
		t.Fatalf("register: %v", err)
	}
}

func get(t testing.TB, r registry.Registry, name string) []*registry.Service {
	t.Helper()
	services, err := r.GetService(name)
	if err != nil {
		t.Fatalf("get %s: %v", name, err)
	}
	return services
}

// nodes returns the ids and addresses of a service's nodes, sorted.
func nodes(services []*registry.Service) []string {
	var out []string
	for _, s := range services {
		for _, n := range s.Nodes {
			out = append(out, n.Id+" "+n.Address)
		}
	}
	slices.Sort(out)
	return out
}

func listed(t testing.TB, r registry.Registry) []string {
	t.Helper()
	services, err := r.ListServices()
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	var names []string
	for _, s := range services {
		if s.Version != "" || s.Nodes != nil || s.Endpoints != nil {
			t.Errorf("listed more than a name: %+v", s)
		}
		names = append(names, s.Name)
	}
	return names
}

func TestMDNSIsTheDefault(t *testing.T) {
	if got := registry.DefaultRegistry.String(); got != "mdns" || registry.String() != "mdns" {
		t.Errorf("default registry is %s", got)
	}
	if got := registry.DefaultRegistry.Options().Timeout; got != 100*time.Millisecond {
		t.Errorf("timeout is %v", got)
	}
}

func TestMDNSOpensNothingBeforeItIsUsed(t *testing.T) {
	count := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("open files cannot be counted: %v", err)
		}
		return len(files)
	}
	before := count()
	for range 100 {
		registry.NewRegistry()
	}
	if opened := count() - before; opened > 10 {
		t.Errorf("100 unused registries hold %d files", opened)
	}
}

func TestMDNSFindsWhatWasRegistered(t *testing.T) {
	domain := ownDomain()
	server, client := newMDNS(t, domain), newMDNS(t, domain)
	s := greeter("192.0.2.7:8080", "[2001:db8::7]:8081", "[::]:10004")
	announce(t, server, s)
	for who, r := range map[string]registry.Registry{"same registry": server, "another": client} {
		testkit.Eventually(t, who+" finds all nodes", func() bool { return len(nodes(get(t, r, "greeter"))) == 3 })
		got := get(t, r, "greeter")
		slices.SortFunc(got[0].Nodes, func(a, b *registry.Node) int { return strings.Compare(a.Id, b.Id) })
		if len(got) != 1 || !reflect.DeepEqual(got[0], s) {
			t.Errorf("%s: found %+v, want %+v", who, got[0], s)
		}
	}
}

func TestMDNSVersionsAreSeparate(t *testing.T) {
	r := newMDNS(t, ownDomain())
	one, two := greeter("192.0.2.7:1"), greeter("192.0.2.7:2")
	two.Version, two.Nodes[0].Id = "2.0.0", "greeter-2"
	announce(t, r, one)
	announce(t, r, two)
	if got := get(t, r, "greeter"); len(got) != 2 || len(got[0].Nodes) != 1 || len(got[1].Nodes) != 1 {
		t.Errorf("found %d versions with %v", len(got), nodes(got))
	}
}

func TestMDNSCallersOwnWhatTheyGet(t *testing.T) {
	r := newMDNS(t, ownDomain())
	s := greeter("192.0.2.7:1")
	announce(t, r, s)
	want := get(t, r, "greeter")
	s.Endpoints[0].Name, s.Nodes[0].Metadata["zone"] = "spoiled", "spoiled"
	mine := get(t, r, "greeter")[0]
	mine.Endpoints[0].Metadata["stream"], mine.Nodes[0].Metadata["zone"] = "spoiled", "spoiled"
	if got := get(t, r, "greeter"); !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v, want %+v", got[0], want[0])
	}
}

func TestMDNSChangesOfAKnownNodeArePublished(t *testing.T) {
	changes := map[string]func(*registry.Service){
		"address":   func(s *registry.Service) { s.Nodes[0].Address = "192.0.2.8:9090" },
		"version":   func(s *registry.Service) { s.Version = "2.0.0" },
		"metadata":  func(s *registry.Service) { s.Nodes[0].Metadata["zone"] = "b" },
		"endpoints": func(s *registry.Service) { s.Endpoints = nil },
	}
	for what, apply := range changes {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			domain := ownDomain()
			server, client := newMDNS(t, domain), newMDNS(t, domain)
			s := greeter("192.0.2.7:8080")
			announce(t, server, s)
			testkit.Eventually(t, "found", func() bool { return len(get(t, client, "greeter")) == 1 })
			apply(s)
			announce(t, server, s)
			testkit.Eventually(t, "the change is seen", func() bool {
				got := get(t, client, "greeter")
				return len(got) == 1 && reflect.DeepEqual(got[0], s)
			})
		})
	}
}

func TestMDNSRefusesNamesThatAreNoLabels(t *testing.T) {
	r := newMDNS(t, ownDomain())
	long := strings.Repeat("x", 64)
	for what, change := range map[string]func(*registry.Service){
		"service": func(s *registry.Service) { s.Name = long },
		"node":    func(s *registry.Service) { s.Nodes[0].Id = long },
		"no name": func(s *registry.Service) { s.Name = "" },
		"no id":   func(s *registry.Service) { s.Nodes[0].Id = "" },
	} {
		s := greeter("192.0.2.7:1")
		change(s)
		if err := r.Register(s); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	s := greeter("192.0.2.7:1")
	s.Name = strings.Repeat("y", 63) + "." + strings.Repeat("z", 63)
	s.Nodes[0].Id = `odd; id\with "everything"`
	announce(t, r, s)
	testkit.Eventually(t, "found", func() bool {
		got := get(t, r, s.Name)
		return len(got) == 1 && got[0].Nodes[0].Id == s.Nodes[0].Id
	})
}

func TestMDNSOddNamesSurviveTheNetwork(t *testing.T) {
	domain := ownDomain()
	server, client := newMDNS(t, domain), newMDNS(t, domain)
	s := greeter("192.0.2.7:1")
	s.Name, s.Nodes[0].Id = "My Service.v1", `odd; id\with "everything" ü`
	announce(t, server, s)
	testkit.Eventually(t, "found", func() bool {
		got := get(t, client, s.Name)
		return len(got) == 1 && got[0].Nodes[0].Id == s.Nodes[0].Id
	})
}

func TestMDNSResolvesHostNames(t *testing.T) {
	r := newMDNS(t, ownDomain())
	announce(t, r, greeter("localhost:8080"))
	got := nodes(get(t, r, "greeter"))
	if len(got) != 1 || got[0] != "greeter-1 127.0.0.1:8080" && got[0] != "greeter-1 [::1]:8080" {
		t.Errorf("found %v", got)
	}
}

func TestMDNSSkipsBadNodesAndReturnsTheLastError(t *testing.T) {
	r := newMDNS(t, ownDomain())
	err := r.Register(greeter("192.0.2.7", "192.0.2.7:0", "192.0.2.7:8080", "192.0.2.7:99999"))
	if err == nil || !strings.Contains(err.Error(), "greeter-4") {
		t.Errorf("error is %v", err)
	}
	if got := nodes(get(t, r, "greeter")); len(got) != 1 || got[0] != "greeter-3 192.0.2.7:8080" {
		t.Errorf("found %v", got)
	}
}

func TestMDNSRegistrationWithoutNodesLeavesNoListEntry(t *testing.T) {
	r := newMDNS(t, ownDomain())
	if err := r.Register(greeter("nonsense")); err == nil {
		t.Error("no error")
	}
	if got := listed(t, r); len(got) > 0 {
		t.Errorf("listed %v", got)
	}
}

func TestMDNSDeregisteringTheUnknownLeavesNoEmptyEntry(t *testing.T) {
	domain := ownDomain()
	r, other := newMDNS(t, domain), newMDNS(t, domain)
	s := greeter("192.0.2.7:1")
	if err := r.Deregister(s); err != nil {
		t.Fatal(err)
	}
	announce(t, r, s)
	for _, lister := range []registry.Registry{r, other} {
		testkit.Eventually(t, "the service is listed", func() bool { return slices.Equal(listed(t, lister), []string{"greeter"}) })
	}
}

func TestMDNSDeregisterTakesLeaveOfTheListedNodesOnly(t *testing.T) {
	domain := ownDomain()
	server, client := newMDNS(t, domain), newMDNS(t, domain)
	s := greeter("192.0.2.7:1", "192.0.2.7:2")
	announce(t, server, s)
	testkit.Eventually(t, "both are found", func() bool { return len(nodes(get(t, client, "greeter"))) == 2 })
	gone := &registry.Service{Name: "greeter", Version: "another", Nodes: s.Nodes[:1]}
	if err := server.Deregister(gone); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "one is left", func() bool {
		return slices.Equal(nodes(get(t, client, "greeter")), []string{"greeter-2 192.0.2.7:2"})
	})
}

func TestMDNSNodeSeenTwiceIsListedOnce(t *testing.T) {
	domain := ownDomain()
	server, client := newMDNS(t, domain), newMDNS(t, domain)
	announce(t, server, greeter("192.0.2.7:1"))
	for range 3 { // asked on all interfaces and in both families every time
		client.(io.Closer).Close()
		testkit.Eventually(t, "found", func() bool { return len(get(t, client, "greeter")) == 1 })
		if got := nodes(get(t, client, "greeter")); len(got) != 1 {
			t.Errorf("found %v", got)
		}
	}
}

func TestMDNSUnknownServiceIsAnEmptyList(t *testing.T) {
	r := newMDNS(t, ownDomain())
	got, err := r.GetService("nobody")
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("found %v: %v", got, err)
	}
}

func TestMDNSDomainsAreSeparate(t *testing.T) {
	a, b := newMDNS(t, ownDomain()), newMDNS(t, ownDomain())
	announce(t, a, greeter("192.0.2.7:1"))
	if got := nodes(get(t, b, "greeter")); len(got) > 0 {
		t.Errorf("found %v of another domain", got)
	}
}

func TestMDNSDescriptionTooLargeIsAnError(t *testing.T) {
	r := newMDNS(t, ownDomain())
	s := greeter("192.0.2.7:1")
	noise := make([]byte, 60_000)
	for i := range noise {
		noise[i] = byte(' ' + rand.IntN(90))
	}
	s.Nodes[0].Metadata["noise"] = string(noise)
	if err := r.Register(s); err == nil || !strings.Contains(err.Error(), "fewer endpoints or less metadata") {
		t.Errorf("error is %v", err)
	}
}

func TestMDNSDescriptionOver128KiBIsAnError(t *testing.T) {
	r := newMDNS(t, ownDomain())
	s := greeter("192.0.2.7:1")
	s.Nodes[0].Metadata["long"] = strings.Repeat("x", 128<<10) // which compresses well
	if err := r.Register(s); !errors.Is(err, registry.ErrInvalidService) || !strings.Contains(err.Error(), "131072") {
		t.Errorf("error is %v", err)
	}
}

func TestMDNSNamesThatAreNoLabelsAreAnError(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 64), "a..b", strings.Repeat("x.", 120) + "x"} {
		s := greeter("192.0.2.7:1")
		s.Name = name
		if err := newMDNS(t, ownDomain()).Register(s); !errors.Is(err, registry.ErrInvalidService) || !strings.Contains(err.Error(), "labels of DNS") {
			t.Errorf("%.10s…: error is %v", name, err)
		}
	}
}

func TestMDNSLargeDescriptionsArrive(t *testing.T) {
	domain := ownDomain()
	server, client := newMDNS(t, domain), newMDNS(t, domain)
	s := greeter("192.0.2.7:1")
	for i := range 1300 { // close to the 128 KiB that a description may have
		s.Endpoints = append(s.Endpoints, &registry.Endpoint{Name: fmt.Sprintf("Greeter.Method%d%d", i, rand.Uint32())})
	}
	announce(t, server, s)
	testkit.Eventually(t, "all endpoints are found", func() bool {
		got := get(t, client, "greeter")
		return len(got) == 1 && len(got[0].Endpoints) == 1301
	})
}

func TestMDNSDoneContextsEndOperations(t *testing.T) {
	r := newMDNS(t, ownDomain(), registry.Timeout(time.Hour))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for what, op := range map[string]func() error{
		"register": func() error { return r.Register(greeter("192.0.2.7:1"), registry.RegisterContext(ctx)) },
		"get":      func() error { _, err := r.GetService("nobody", registry.GetContext(ctx)); return err },
		"list":     func() error { _, err := r.ListServices(registry.ListContext(ctx)); return err },
		"get on":   func() error { _, err := r.GetService("nobody", registry.GetContext(soon)); return err },
		"list on":  func() error { _, err := r.ListServices(registry.ListContext(soon)); return err },
	} {
		if err := op(); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error is %v", what, err)
		}
	}
}

func TestMDNSWatcherStops(t *testing.T) {
	domain := ownDomain()
	r := newMDNS(t, domain)
	ctx, cancel := context.WithCancel(context.Background())
	for what, stop := range map[string]func(registry.Watcher){
		"Stop":    func(w registry.Watcher) { w.Stop(); w.Stop() },
		"context": func(registry.Watcher) { cancel() },
	} {
		w, err := r.Watch(registry.WatchContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, err := w.Next()
			failed <- err
		}()
		stop(w)
		if err := <-failed; err != registry.ErrWatcherStopped {
			t.Errorf("%s: error is %v", what, err)
		}
		w.Stop()
		if what == "context" {
			ctx, cancel = context.WithCancel(context.Background())
		}
	}
	cancel()
}

func TestMDNSPublishesTheTextOfV4(t *testing.T) {
	domain := ownDomain()
	r := newMDNS(t, domain)
	s := greeter("192.0.2.7:8080")
	s.Endpoints = nil
	announce(t, r, s)
	var entry *mdns.ServiceEntry
	testkit.Eventually(t, "the records are found", func() bool {
		entries := make(chan *mdns.ServiceEntry, 1)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go mdns.Query(&mdns.QueryParam{Service: "greeter", Domain: domain, Context: ctx, Entries: entries})
		select {
		case entry = <-entries:
			return true
		case <-ctx.Done():
			return false
		}
	})
	if entry.Name != "greeter-1.greeter."+domain+"." || entry.TTL != 120 || entry.Port != 8080 || entry.AddrV4.String() != "192.0.2.7" {
		t.Errorf("entry is %+v", entry)
	}
	compressed, err := hex.DecodeString(strings.Join(entry.InfoFields, ""))
	if err != nil {
		t.Fatal(err)
	}
	reader, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	want := `{"Service":"greeter","Version":"1.0.0","Endpoints":null,"Metadata":{"zone":"a"}}`
	if err != nil || string(text) != want {
		t.Errorf("text is %s (%v), want %s", text, err, want)
	}
}

func TestMDNSTTLLowersTheLifeOfRecords(t *testing.T) {
	for ttl, want := range map[time.Duration]int{0: 120, time.Hour: 120, 90 * time.Second: 90, 1500 * time.Millisecond: 2} {
		domain := ownDomain()
		r := newMDNS(t, domain)
		announce(t, r, greeter("192.0.2.7:8080"), registry.RegisterTTL(ttl))
		testkit.Eventually(t, "the records are found", func() bool {
			entries := make(chan *mdns.ServiceEntry, 1)
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			go mdns.Query(&mdns.QueryParam{Service: "greeter", Domain: domain, Context: ctx, Entries: entries})
			select {
			case entry := <-entries:
				if entry.TTL != want {
					t.Errorf("registered for %v, the records live %d seconds", ttl, entry.TTL)
				}
				return true
			case <-ctx.Done():
				return false
			}
		})
	}
}

func ExampleNewRegistry() {
	r := registry.NewRegistry(func(o *registry.Options) {
		o.Context = context.WithValue(context.Background(), "mdns.domain", "example")
	})
	defer r.(io.Closer).Close()
	err := r.Register(&registry.Service{
		Name:    "greeter",
		Version: "latest",
		Nodes:   []*registry.Node{{Id: "greeter-1", Address: "127.0.0.1:8080"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	services, err := r.GetService("greeter")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range services {
		fmt.Println(s.Name, s.Version, s.Nodes[0].Address)
	}
	// Output: greeter latest 127.0.0.1:8080
}
