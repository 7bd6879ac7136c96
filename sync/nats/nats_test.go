package nats_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/nats"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestInitFailsWithTheReason(t *testing.T) {
	err := nats.NewSync(sync.Nodes(fmt.Sprintf("nats://127.0.0.1:%d", testkit.FreePort(t)))).Init()
	if err == nil || !strings.Contains(err.Error(), "is the server running?") {
		t.Errorf("got %v", err)
	}
}

func ExampleNewSync() {
	s := nats.NewSync(sync.Nodes("nats://127.0.0.1:4222"), nats.Bucket("billing-locks"), nats.Replicas(3))
	fmt.Println(s, s.Options().Nodes)
	// Output: nats [nats://127.0.0.1:4222]
}
