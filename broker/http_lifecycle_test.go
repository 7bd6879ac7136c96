package broker_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/addr"
	"github.com/justcy/go-micro/v4/util/pki"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// sameSocket tells whether a registered address, which has a host, leads to the
// one listened on, which may have none.
func sameSocket(registered, listening string) bool {
	host, port, err := net.SplitHostPort(registered)
	_, want, err2 := net.SplitHostPort(listening)
	ip := net.ParseIP(host)
	return err == nil && err2 == nil && port == want && ip != nil && !ip.IsUnspecified()
}

func TestTheBrokerListensAndAdvertisesToOtherMachines(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, b, "topic", new(log).handle)
	host, _, err := net.SplitHostPort(b.Address())
	if ip := net.ParseIP(host); err != nil || !ip.IsUnspecified() {
		t.Errorf("listening on %s", b.Address())
	}
	want, err := addr.Extract("")
	if err != nil {
		t.Skip("this machine has no address")
	}
	if got, _, _ := net.SplitHostPort(nodes(t, r)[broadcast][0].Address); got != want {
		t.Errorf("registered %s, want %s, as a server does", got, want)
	}
}

func TestAnAdvertisedAddressIsRegisteredWithAPort(t *testing.T) {
	t.Parallel()
	for advertise, want := range map[string]string{
		"broker.example.com:99": "broker.example.com:99",
		"broker.example.com":    "broker.example.com:PORT",
		"2001:db8::1":           "[2001:db8::1]:PORT",
	} {
		r := registry.NewMemoryRegistry()
		b := connect(t, broker.NewBroker(broker.Registry(r), broker.Addrs("127.0.0.1:0"), broker.Advertise(advertise)))
		subscribe(t, b, "topic", new(log).handle)
		_, port, err := net.SplitHostPort(b.Address())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := nodes(t, r)[broadcast][0].Address, strings.Replace(want, "PORT", port, 1); got != want {
			t.Errorf("advertising %s registered %s, want %s", advertise, got, want)
		}
	}
}

func TestASubscriptionIsRegisteredAsANodeOfTheBroadcast(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, b, "topic", new(log).handle)
	n := nodes(t, r)[broadcast][0]
	if !strings.HasPrefix(n.Id, "topic-") || !sameSocket(n.Address, b.Address()) ||
		fmt.Sprint(n.Metadata) != fmt.Sprint(map[string]string{"broker": "http", "topic": "topic", "secure": "false"}) {
		t.Errorf("registered %+v", n)
	}
}

func TestIDsAreUniqueForTopicAndQueue(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	var plain, a, other log
	first := subscribe(t, b, "topic", plain.handle)
	second := subscribe(t, b, "topic", new(log).handle)
	subscribe(t, b, "topic", a.handle, broker.Queue("a"))
	subscribe(t, b, "topic", other.handle, broker.Queue("b"))
	ids := map[string]bool{}
	for _, versions := range nodes(t, r) {
		for _, n := range versions {
			ids[n.Id] = true
		}
	}
	if len(ids) != 3 {
		t.Errorf("registered %v, want one id for each of three", ids)
	}
	publish(t, b, "topic", "1")
	for _, l := range []*log{&plain, &a, &other} {
		eventuallyEqual(t, l.got, []string{"1"})
	}
	if err := second.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if got := nodes(t, r)[broadcast]; len(got) != 1 {
		t.Errorf("with one of two handlers left, registered are %v", got)
	}
	if err := first.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if got := nodes(t, r)[broadcast]; len(got) != 0 {
		t.Errorf("without handlers, registered are %v", got)
	}
}

func TestIDsFitIntoHostNames(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{"t", "a.b.c", "a..b", ".a", strings.Repeat("long", 40), strings.Repeat("l.", 200) + "l"} {
		for _, queue := range []string{"", "queue", strings.Repeat("queue", 50)} {
			r := registry.NewMemoryRegistry()
			b := connect(t, broker.NewBroker(broker.Registry(r)))
			subscribe(t, b, topic, new(log).handle, broker.Queue(queue))
			for _, versions := range nodes(t, r) {
				for label := range strings.SplitSeq(versions[0].Id, ".") {
					if label == "" || len(label) > 63 || len(versions[0].Id) > 150 {
						t.Errorf("topic %q, queue %q: id %s", topic, queue, versions[0].Id)
					}
				}
			}
		}
	}
}

func TestUnsubscribeReturnsTheRegistryError(t *testing.T) {
	t.Parallel()
	r := &flaky{Registry: registry.NewMemoryRegistry()}
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	s := subscribe(t, b, "topic", new(log).handle)
	r.down.Store(true)
	if err := s.Unsubscribe(); !errors.Is(err, errDown) {
		t.Errorf("Unsubscribe: %v", err)
	}
	r.down.Store(false)
}

func TestSubscribeBeforeConnectRegistersOnceConnected(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := broker.NewBroker(broker.Registry(r))
	var got log
	subscribe(t, b, "topic", got.handle)
	if n := nodes(t, r); len(n) != 0 {
		t.Errorf("registered before Connect: %v", n)
	}
	connect(t, b)
	if n := nodes(t, r)[broadcast]; len(n) != 1 || strings.HasSuffix(n[0].Address, ":0") {
		t.Errorf("registered after Connect: %v", n)
	}
	publish(t, b, "topic", "1")
	eventuallyEqual(t, got.got, []string{"1"})
}

func TestReconnectRegistersAtOnceUnderTheNewAddress(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, b, "topic", new(log).handle)
	if err := b.Disconnect(); err != nil {
		t.Fatal(err)
	}
	if n := nodes(t, r); len(n) != 0 {
		t.Errorf("registered after Disconnect: %v", n)
	}
	if b.Address() != broker.DefaultAddress {
		t.Errorf("address after Disconnect is %s", b.Address())
	}
	connect(t, b)
	if n := nodes(t, r)[broadcast]; len(n) != 1 || !sameSocket(n[0].Address, b.Address()) {
		t.Errorf("registered after reconnecting to %s: %v", b.Address(), n)
	}
}

func TestDeregistrationPrecedesClosingTheListener(t *testing.T) {
	t.Parallel()
	r := &flaky{Registry: registry.NewMemoryRegistry()}
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	address := b.Address()
	r.onDeregister = func() {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("the listener is closed before the registry knows: %v", err)
			return
		}
		c.Close()
	}
	subscribe(t, b, "topic", new(log).handle)
	if err := b.Disconnect(); err != nil {
		t.Fatal(err)
	}
}

func TestInitWhileConnectedFails(t *testing.T) {
	t.Parallel()
	b := broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()))
	if err := b.Init(broker.Addrs("127.0.0.1:0")); err != nil {
		t.Fatal(err)
	}
	connect(t, b)
	if err := b.Init(); err == nil || err.Error() != "cannot init while connected" {
		t.Errorf("Init while connected: %v", err)
	}
}

func TestConnectAndDisconnectMayComeInAnyOrderAndConcurrently(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := broker.NewBroker(broker.Registry(r))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				_ = b.Connect()
				s, err := b.Subscribe(fmt.Sprintf("topic-%d", i), new(log).handle)
				if err != nil {
					t.Errorf("Subscribe: %v", err)
					return
				}
				_ = b.Publish("topic-0", &broker.Message{Body: []byte("x")})
				_, _ = b.Options(), b.Address()
				_ = b.Disconnect()
				if err := s.Unsubscribe(); err != nil {
					t.Errorf("Unsubscribe: %v", err)
				}
			}
		})
	}
	wg.Wait()
	_ = b.Disconnect()
	if n := nodes(t, r); len(n) != 0 {
		t.Errorf("left in the registry: %v", n)
	}
}

func TestAddressMayBeAPortRange(t *testing.T) {
	t.Parallel()
	port := testkit.FreePort(t)
	b := broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()), broker.Addrs(fmt.Sprintf("127.0.0.1:%d-%d", port, port+50)))
	connect(t, b)
	if !strings.HasPrefix(b.Address(), "127.0.0.1:") {
		t.Errorf("listening on %s", b.Address())
	}
}

func TestWildcardHostIsReplacedForTheRegistry(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.Addrs(":0")))
	subscribe(t, b, "topic", new(log).handle)
	host, _, err := net.SplitHostPort(nodes(t, r)[broadcast][0].Address)
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		t.Errorf("registered host %q", host)
	}
}

func TestMessagesArriveOnlyWhenBothSidesAgreeOnTLS(t *testing.T) {
	t.Parallel()
	cert, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	config := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}
	here, err := pki.NewAuthority()
	there, err2 := pki.NewAuthority()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	hereRoots := x509.NewCertPool()
	hereRoots.AppendCertsFromPEM(here.CertPEM())
	for _, c := range []struct {
		name       string
		subscriber []broker.Option
		publisher  []broker.Option
		arrives    bool
	}{
		{"secure on both sides", []broker.Option{broker.Secure(true)}, []broker.Option{broker.Secure(true)}, true},
		{"secure on one side", []broker.Option{broker.Secure(true)}, nil, false},
		{"the system's authorities", []broker.Option{broker.Secure(true)}, []broker.Option{broker.VerifyTLS(nil)}, false},
		{"self-signed, not verified", []broker.Option{broker.InsecureTLS()}, []broker.Option{broker.InsecureTLS()}, true},
		{"self-signed, verified", []broker.Option{broker.InsecureTLS()}, []broker.Option{broker.Secure(true)}, false},
		{"mutual", []broker.Option{broker.MutualTLS(here.Source())}, []broker.Option{broker.MutualTLS(here.Source())}, true},
		{"mutual on one side", []broker.Option{broker.MutualTLS(here.Source())}, []broker.Option{broker.VerifyTLS(hereRoots)}, false},
		{"mutual of two authorities", []broker.Option{broker.MutualTLS(here.Source())}, []broker.Option{broker.MutualTLS(there.Source())}, false},
		{"configured", []broker.Option{broker.TLSConfig(config)}, []broker.Option{broker.TLSConfig(config)}, true},
		{"verified by given roots", []broker.Option{broker.TLSConfig(config)}, []broker.Option{broker.VerifyTLS(roots)}, true},
		{"configured without the root", []broker.Option{broker.TLSConfig(config)}, []broker.Option{broker.TLSConfig(&tls.Config{})}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := registry.NewMemoryRegistry()
			sub := connect(t, broker.NewBroker(append(c.subscriber, broker.Registry(r), broker.Addrs("127.0.0.1:0"))...))
			var got log
			subscribe(t, sub, "topic", got.handle)
			if nodes(t, r)[broadcast][0].Metadata["secure"] != "true" {
				t.Error("the node is not marked as secure")
			}
			wait := testkit.Patience
			if !c.arrives {
				wait = time.Millisecond
			}
			pub := connect(t, broker.NewBroker(append(c.publisher, broker.Registry(r), broker.DisconnectTimeout(wait))...))
			publish(t, pub, "topic", "1")
			if c.arrives {
				eventuallyEqual(t, got.got, []string{"1"})
			}
			err := pub.Disconnect()
			if undelivered := new(broker.UndeliveredError); errors.As(err, &undelivered) == c.arrives {
				t.Errorf("Disconnect: %v", err)
			}
		})
	}
	if len(config.NextProtos) != 0 || config.InsecureSkipVerify {
		t.Error("the caller's TLS configuration was changed")
	}
}

// ttls records what nodes are registered with.
type ttls struct {
	registry.Registry
	mu   sync.Mutex
	seen []time.Duration
}

func (r *ttls) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	var o registry.RegisterOptions
	for _, opt := range opts {
		opt(&o)
	}
	r.mu.Lock()
	r.seen = append(r.seen, o.TTL)
	r.mu.Unlock()
	return r.Registry.Register(s, opts...)
}

func TestRegistrationLastsAMinute(t *testing.T) {
	t.Parallel()
	r := &ttls{Registry: registry.NewMemoryRegistry()}
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	subscribe(t, b, "topic", new(log).handle)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) != 1 || r.seen[0] != time.Minute {
		t.Errorf("registered with %v", r.seen)
	}
}

func TestConnectWithoutRegistryRegistersLater(t *testing.T) {
	t.Parallel()
	r := &flaky{Registry: registry.NewMemoryRegistry()}
	b := broker.NewBroker(broker.Registry(r))
	subscribe(t, b, "topic", new(log).handle)
	r.down.Store(true)
	connect(t, b)
	r.down.Store(false)
	testkit.Eventually(t, "the subscription is registered", func() bool { return len(nodes(t, r)[broadcast]) == 1 })
}

// startedLate is a registry whose watchers start late, as they do where
// starting takes a while.
type startedLate struct {
	registry.Registry
	start chan struct{}
}

func (r *startedLate) Watch(opts ...registry.WatchOption) (registry.Watcher, error) {
	<-r.start
	return r.Registry.Watch(opts...)
}

func TestSubscriberBetweenFirstLookupAndWatcherIsNotMissed(t *testing.T) {
	t.Parallel()
	r := &startedLate{Registry: registry.NewMemoryRegistry(), start: make(chan struct{})}
	first := newPeer(t, r.Registry, "topic", broadcast, nil)
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(time.Millisecond)))
	publish(t, b, "topic", "1")
	first.wantEventually(t, "1")
	second := newPeer(t, r.Registry, "topic", broadcast, nil)
	close(r.start)
	testkit.Eventually(t, "the second subscriber gets messages", func() bool {
		publish(t, b, "topic", "more")
		return len(second.got()) > 0
	})
}
