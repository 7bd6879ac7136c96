package sync_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/sync"
)

func TestOptionsSetTheirFields(t *testing.T) {
	ctx, config := context.Background(), new(tls.Config)
	var o sync.Options
	for _, option := range []sync.Option{
		sync.Nodes("a", "b"), sync.Prefix("app/"), sync.WithTLS(config),
		sync.WithContext(ctx), sync.WithLogger(logger.DefaultLogger),
	} {
		option(&o)
	}
	if !slices.Equal(o.Nodes, []string{"a", "b"}) || o.Prefix != "app/" || o.TLSConfig != config ||
		o.Context != ctx || o.Logger != logger.DefaultLogger {
		t.Errorf("options are %+v", o)
	}
}

func TestErrLockTimeoutHasItsText(t *testing.T) {
	if got := sync.ErrLockTimeout.Error(); got != "lock timeout" {
		t.Errorf("got %q", got)
	}
}

func ExampleLockTTL() {
	var o sync.LockOptions
	for _, option := range []sync.LockOption{sync.LockTTL(time.Minute), sync.LockWait(time.Second)} {
		option(&o)
	}
	fmt.Println("held for", o.TTL, "after waiting", o.Wait)
	// Output: held for 1m0s after waiting 1s
}
