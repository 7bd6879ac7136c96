package nats_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/nats"
)

func TestALookupEndsWithItsContextThoughTheServerIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // which nobody accepts from
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	r := nats.NewRegistry(registry.Addrs(l.Addr().String()))
	ended := make(chan error, 1)
	go func() {
		_, err := r.GetService("greeter", registry.GetContext(ctx))
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
