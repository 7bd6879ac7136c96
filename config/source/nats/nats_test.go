package nats_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/nats"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestDefaultsAreThoseOfGoMicroV4(t *testing.T) {
	s := nats.NewSource()
	if s.String() != "nats" || s.(source.Locator).Location() != "key micro_config of bucket default at nats://127.0.0.1:4222" {
		t.Errorf("%s: %s", s, s.(source.Locator).Location())
	}
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	addr := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	s := nats.NewSource(nats.WithUrl("nats://anna:secret@"+addr), nats.WithBucket("b"), nats.WithKey("k"))
	_, readErr := s.Read()
	_, watchErr := s.Watch()
	_, clientErr := nats.Client(addr)
	for call, err := range map[string]error{
		"Read": readErr, "Watch": watchErr, "Write": s.Write(&source.ChangeSet{Data: []byte("{}")}), "Client": clientErr,
	} {
		if err == nil || !strings.Contains(err.Error(), addr) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", call, err)
		}
	}
}
