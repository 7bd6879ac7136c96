package natsclient_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestErrorsShowNoPasswordHoweverTheAddressIsWritten(t *testing.T) {
	host := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	for _, addr := range []string{
		"nats://anna:secret@" + host, "anna:secret@" + host, "secret@" + host, "tls://anna:se%zzcret@" + host,
		"nats://anna:1#secret@" + host, "nats://anna:secret/1@" + host, "nats://anna:1?secret@" + host,
	} {
		for name, s := range map[string]natsclient.Settings{
			"Addrs":             {Addrs: []string{addr}},
			"the library's Url": {Base: &nats.Options{Url: addr}},
			"its Servers":       {Base: &nats.Options{Servers: []string{addr}}},
		} {
			_, err := s.Connect()
			if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cret@") {
				t.Errorf("%s %s: %v", name, addr, err)
			}
		}
	}
}

func TestAServerThatFallsSilentIsTakenForLostWithinHalfAMinute(t *testing.T) {
	o := natsclient.Settings{}.Options()
	if found := o.PingInterval * time.Duration(o.MaxPingsOut+1); found > 30*time.Second {
		t.Errorf("it takes %v", found)
	}
	own := nats.GetDefaultOptions()
	own.PingInterval = time.Minute
	if o := (natsclient.Settings{Base: &own}).Options(); o.PingInterval != time.Minute {
		t.Errorf("the user's interval became %v", o.PingInterval)
	}
}

func TestALiteralOfTheLibrarysOptionsHasItsTimeLimits(t *testing.T) {
	o := natsclient.Settings{Base: new(nats.Options)}.Options()
	for name, limit := range map[string]time.Duration{"connect": o.Timeout, "write": o.FlusherTimeout, "drain": o.DrainTimeout, "ping": o.PingInterval} {
		if limit <= 0 {
			t.Errorf("there is no limit to %s", name)
		}
	}
}
