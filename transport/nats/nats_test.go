package nats_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/nats"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheTransportIsKnownByItsName(t *testing.T) {
	if tr := cmd.DefaultTransports["nats"](); tr.String() != "nats" || tr.Options().Timeout != time.Minute {
		t.Errorf("%s with %+v", tr, tr.Options())
	}
}

func TestAddressesThatAreNoSubjectsAreRefused(t *testing.T) {
	for addr, want := range map[string]string{
		"":     "addr (nats subject) must not be empty",
		"a b":  "addr (nats subject) must not contain space characters",
		"a..b": "empty part", "a.*": "wildcard",
	} {
		if _, err := nats.NewTransport().Listen(addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q): %v", addr, err)
		}
		if _, err := nats.NewTransport().Dial(addr); err == nil || !errors.Is(err, transport.ErrNotSent) {
			t.Errorf("Dial(%q): %v", addr, err)
		}
	}
}

func TestAServerThatIsNotThereIsToldInTime(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	tr := nats.NewTransport(transport.Addrs(addr))
	if _, err := tr.Dial("subject", transport.WithTimeout(time.Second)); err == nil || !strings.Contains(err.Error(), addr) || !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("Dial: %v", err)
	}
	if _, err := tr.Listen(":0"); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("Listen: %v", err)
	}
}

func TestADialWaitsNoLongerThanItsTimeoutForAnotherThatConnects(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	tr := nats.NewTransport(transport.Addrs(silent.Addr().String()))
	const patient = 30 * time.Second
	first := make(chan error, 1)
	go func() {
		_, err := tr.Dial("subject", transport.WithTimeout(patient))
		first <- err
	}()
	conn, err := silent.Accept() // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := tr.Dial("subject", transport.WithTimeout(time.Second)); !errors.Is(err, transport.ErrNotSent) || time.Since(begun) > patient/2 {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	conn.Close()
	if err := <-first; err == nil {
		t.Error("the first is connected")
	}
}
