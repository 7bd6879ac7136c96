package natsjskv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	natsjskv "github.com/justcy/go-micro/v4/store/nats-js-kv"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestOptionsHaveDefaults(t *testing.T) {
	s := natsjskv.NewStore()
	if o := s.Options(); o.Database != "default" || o.Table != "" || s.String() != "NATS JetStream KeyValueStore" {
		t.Errorf("%s has %+v", s, o)
	}
	if cmd.DefaultStores["natsjskv"] == nil {
		t.Error("--store natsjskv is not known")
	}
}

func TestAMissingBucketIsAMissingRecord(t *testing.T) {
	if err := natsjskv.ErrBucketNotFound; !errors.Is(err, store.ErrNotFound) || err.Error() != "Bucket (database) not found" {
		t.Errorf("got %v", err)
	}
}

// nowhere returns a store whose server is not there.
func nowhere(t *testing.T, opts ...store.Option) store.Store {
	url := fmt.Sprintf("nats://127.0.0.1:%d", testkit.FreePort(t))
	s := natsjskv.NewStore(append([]store.Option{store.Nodes(url)}, opts...)...)
	t.Cleanup(func() { s.Close() })
	return s
}

func TestAServerThatIsNotThereIsToldByEveryCall(t *testing.T) {
	s := nowhere(t)
	_, readErr := s.Read("key")
	_, listErr := s.List()
	for call, err := range map[string]error{
		"Init": s.Init(), "Write": s.Write(&store.Record{Key: "key"}), "Read": readErr, "List": listErr, "Delete": s.Delete("key"),
	} {
		if err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "nats://127.0.0.1") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestCloseBeforeTheFirstUseIsNoError(t *testing.T) {
	s := natsjskv.NewStore()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheContextOfTheOptionsEndsOperations(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := nowhere(t, store.WithContext(ctx)).Read("key"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsOfTheDriverAddUp(t *testing.T) {
	s := natsjskv.NewStore(
		natsjskv.NatsOptions(nats.GetDefaultOptions()), natsjskv.JetStreamOptions(nats.MaxWait(time.Second)),
		natsjskv.KeyValueOptions(&nats.KeyValueConfig{Bucket: "a"}), natsjskv.DefaultTTL(time.Hour),
		natsjskv.DefaultMemory(), natsjskv.DefaultDescription("text"), natsjskv.EncodeKeys(),
	)
	if s.Options().Context == nil {
		t.Error("the options are lost")
	}
	var o store.DeleteOptions
	natsjskv.DeleteBucket()(&o)
	if o.Table != "DELETE_BUCKET" {
		t.Errorf("the table is %q", o.Table)
	}
}
