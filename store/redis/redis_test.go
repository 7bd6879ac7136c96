package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	goredis "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/redis"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestOptionsHaveDefaults(t *testing.T) {
	s := redis.NewStore()
	if o := s.Options(); o.Database != "micro" || o.Table != "micro" || s.String() != "redis" {
		t.Errorf("%s has %+v", s, o)
	}
	if cmd.DefaultStores["redis"] == nil {
		t.Error("--store redis is not known")
	}
}

// nowhere returns a store whose server is not there.
func nowhere(t *testing.T, opts ...store.Option) store.Store {
	url := fmt.Sprintf("redis://:secret@127.0.0.1:%d", testkit.FreePort(t))
	s := redis.NewStore(append([]store.Option{store.Nodes(url)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	s := nowhere(t, redis.WithRedisOptions(goredis.UniversalOptions{MaxRetries: -1}))
	_, readErr := s.Read("key")
	_, listErr := s.List()
	for call, err := range map[string]error{
		"Init": s.Init(), "Write": s.Write(&store.Record{Key: "key"}), "Read": readErr, "List": listErr, "Delete": s.Delete("key"),
	} {
		if err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	s := redis.NewStore(store.Nodes("http://127.0.0.1"))
	if err := s.Init(); err == nil {
		t.Error("Init succeeds")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheContextOfTheOptionsEndsOperations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := nowhere(t, store.WithContext(ctx)).Read("key"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
