package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/redis"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestTheNameIsRedis(t *testing.T) {
	if got := redis.NewSync().String(); got != "redis" {
		t.Errorf("got %q", got)
	}
}

func TestInitFailsWithTheReason(t *testing.T) {
	for node, want := range map[string]string{
		"http://127.0.0.1": "redis",
		fmt.Sprintf("redis://127.0.0.1:%d", testkit.FreePort(t)): "is the server running?",
	} {
		err := redis.NewSync(sync.Nodes(node), redis.WithRedisOptions(goredis.UniversalOptions{MaxRetries: -1})).Init()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", node, err)
		}
	}
}

func ExampleNewSync() {
	s := redis.NewSync(sync.Nodes("redis://127.0.0.1:6379"), sync.Prefix("billing/"), sync.SessionTTL(10*time.Second))
	fmt.Println(s, s.Options().Prefix)
	// Output: redis billing/
}
