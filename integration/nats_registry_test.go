package integration_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	natsregistry "github.com/justcy/go-micro/v4/registry/nats"
	"github.com/justcy/go-micro/v4/registry/registrytest"
)

func newNATSRegistry(t testing.TB, url string, opts ...registry.Option) registry.Registry {
	r := natsregistry.NewRegistry(append([]registry.Option{registry.Addrs(url)}, opts...)...)
	t.Cleanup(func() { _ = r.(io.Closer).Close() })
	return r
}

func TestNATSRegistry(t *testing.T) {
	url := servers.NATS(t)
	registrytest.Run(t, registrytest.Harness{
		New: func(t testing.TB) (registry.Registry, registry.Registry) {
			return newNATSRegistry(t, url), newNATSRegistry(t, url)
		},
		Outage: func(t testing.TB) (registry.Registry, registry.Registry, func(), func()) {
			s := servers.NewNATS(t)
			return newNATSRegistry(t, s.URL), newNATSRegistry(t, s.URL), s.Stop, s.Start
		},
		NoListFull: true,
	})
}

// unhurried waits for answers as long as a machine that stalls may need.
var unhurried = registry.Timeout(3 * time.Second)

// topics keep a test's registries apart from others.
func topics() (query, watch string, opts []registry.Option) {
	query, watch = unique("query."), unique("watch.")
	return query, watch, []registry.Option{natsregistry.QueryTopic(query), natsregistry.WatchTopic(watch), unhurried}
}

func TestNATSRegistrationsAreInTheFormOfGoMicroV4(t *testing.T) {
	url := servers.NATS(t)
	query, watch, opts := topics()
	raw, r := natsConn(t, url), newNATSRegistry(t, url, opts...)
	changes, err := raw.SubscribeSync(watch)
	must(t, err)
	must(t, raw.Flush())
	must(t, r.Register(&registry.Service{Name: "greeter", Version: "1", Nodes: []*registry.Node{{Id: "a", Address: "127.0.0.1:1"}}}))

	const service = `{"name":"greeter","version":"1","metadata":null,"endpoints":null,"nodes":[{"id":"a","address":"127.0.0.1:1","metadata":null}]}`
	change, err := changes.NextMsg(testkit.Patience)
	must(t, err)
	if want := `{"Action":"create","Service":` + service + `}`; string(change.Data) != want {
		t.Errorf("published %s, want %s", change.Data, want)
	}
	for _, question := range []string{`{"Action":"get","Service":{"name":"greeter"}}`, `{"Action":"list","Service":null}`} {
		answer, err := raw.Request(query, []byte(question), testkit.Patience)
		if err != nil || string(answer.Data) != service {
			t.Errorf("%s is answered by %s, %v", question, answer.Data, err)
		}
	}

	// Another registrar, which answers as go-micro v4 does, is found beside it.
	_, err = raw.Subscribe(query, func(m *nats.Msg) {
		other := registry.Service{Name: "greeter", Version: "1", Nodes: []*registry.Node{{Id: "b", Address: "127.0.0.1:2"}, {Id: "a", Address: "127.0.0.1:1"}}}
		data, _ := json.Marshal(other)
		_ = m.Respond(data)
	})
	must(t, err)
	must(t, raw.Flush())
	found, err := r.GetService("greeter")
	if err != nil || len(found) != 1 || len(found[0].Nodes) != 2 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestNATSNonsenseIsNoHarmToTheRegistry(t *testing.T) {
	url := servers.NATS(t)
	query, watch, opts := topics()
	raw, r := natsConn(t, url), newNATSRegistry(t, url, opts...)
	s := &registry.Service{Name: "greeter", Nodes: []*registry.Node{{Id: "a", Address: "127.0.0.1:1"}}}
	must(t, r.Register(s))
	w, err := r.Watch()
	must(t, err)
	t.Cleanup(w.Stop)
	_, err = raw.Subscribe(query, func(m *nats.Msg) {
		for _, nonsense := range []string{"", "null", "[]", `{"nodes":[null]}`, "\x00"} {
			_ = m.Respond([]byte(nonsense))
		}
	})
	must(t, err)
	for _, nonsense := range []string{"", "null", "[]", `{"Action":"get","Service":null}`, `{"Action":"get"}`, `{"Action":"delete","Service":null}`, "\x00"} {
		must(t, raw.PublishRequest(query, nats.NewInbox(), []byte(nonsense)))
		must(t, raw.Publish(watch, []byte(nonsense)))
	}
	must(t, raw.Flush())
	if found, err := r.GetService("greeter"); err != nil || len(found) != 1 || len(found[0].Nodes) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
	must(t, r.Register(s))
	if change, err := w.Next(); err != nil || change.Service.Name != "greeter" {
		t.Errorf("watched %+v, %v", change, err)
	}
}

func TestNATSAQuorumEndsALookupEarly(t *testing.T) {
	url := servers.NATS(t)
	_, _, opts := topics()
	r := newNATSRegistry(t, url, append(opts, natsregistry.Quorum(1), registry.Timeout(time.Hour))...)
	must(t, r.Register(&registry.Service{Name: "greeter", Nodes: []*registry.Node{{Id: "a", Address: "127.0.0.1:1"}}}))
	if _, err := r.GetService("greeter"); err != nil {
		t.Error(err)
	}
}

func TestNATSARegistryThatIsClosedAnswersNoMore(t *testing.T) {
	url := servers.NATS(t)
	_, _, opts := topics()
	one, other := newNATSRegistry(t, url, opts...), newNATSRegistry(t, url, opts...)
	must(t, one.Register(&registry.Service{Name: "greeter", Nodes: []*registry.Node{{Id: "a", Address: "127.0.0.1:1"}}}))
	if _, err := other.GetService("greeter"); err != nil {
		t.Fatal(err)
	}
	must(t, one.(io.Closer).Close())
	if _, err := other.GetService("greeter"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestNATSInitMovesWhatIsRegistered(t *testing.T) {
	first, second := servers.NewNATS(t), servers.NewNATS(t)
	r := newNATSRegistry(t, first.URL)
	must(t, r.Register(&registry.Service{Name: "greeter", Nodes: []*registry.Node{{Id: "a", Address: "127.0.0.1:1"}}}))
	must(t, r.Init(registry.Addrs(second.URL)))
	if _, err := newNATSRegistry(t, second.URL, unhurried).GetService("greeter"); err != nil {
		t.Error(err)
	}
	if _, err := newNATSRegistry(t, first.URL, unhurried).GetService("greeter"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
