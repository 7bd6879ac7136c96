package nats

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

// DefaultBucket is the name of the bucket that holds the locks.
const DefaultBucket = "micro-sync"

// settings are the options of this driver.
type settings struct {
	bucket   string
	replicas int
	nats     nats.Options
}

func settingsOf(o sync.Options) settings {
	if s, ok := options.Value[settings](o.Context); ok {
		return s
	}
	return settings{bucket: DefaultBucket, replicas: 1, nats: nats.GetDefaultOptions()}
}

func set(change func(*settings)) sync.Option {
	return func(o *sync.Options) {
		s := settingsOf(*o)
		change(&s)
		o.Context = options.Put(o.Context, s)
	}
}

// Bucket sets the name of the bucket; DefaultBucket otherwise. One that exists
// must keep a history of 1 and have no TTL.
func Bucket(name string) sync.Option {
	return set(func(s *settings) { s.bucket = name })
}

// Replicas sets on how many servers the bucket is kept when it is created: 1
// without this option, 3 or 5 to survive the loss of servers.
func Replicas(n int) sync.Option {
	return set(func(s *settings) { s.replicas = n })
}

// NatsOptions sets how to connect, for what the nodes cannot say. Begin with
// nats.GetDefaultOptions(). Nodes win over its servers; it always reconnects.
func NatsOptions(n nats.Options) sync.Option {
	return set(func(s *settings) { s.nats = n })
}

// natsOptions returns the options of the connection. A request that cannot be
// sent fails; one that would be sent when the server is back could take a lock
// that nobody waits for any more.
func natsOptions(ctx context.Context, o sync.Options, s settings) nats.Options {
	n := s.nats
	if len(o.Nodes) > 0 {
		n.Url, n.Servers = "", nil
		for _, node := range o.Nodes {
			for _, url := range strings.Split(node, ",") {
				n.Servers = append(n.Servers, strings.TrimSpace(url))
			}
		}
	} else if n.Url == "" && len(n.Servers) == 0 {
		n.Url = nats.DefaultURL
	}
	n.Servers = slices.Clone(n.Servers)
	if o.TLSConfig != nil {
		n.Secure, n.TLSConfig = true, o.TLSConfig
	}
	if n.Name == "" {
		n.Name = "go-micro sync"
	}
	if deadline, ok := ctx.Deadline(); ok {
		n.Timeout = max(min(n.Timeout, time.Until(deadline)), time.Millisecond)
	}
	n.AllowReconnect, n.MaxReconnect, n.ReconnectBufSize = true, -1, -1
	n.ReconnectWait, n.ReconnectJitter, n.ReconnectJitterTLS = 100*time.Millisecond, 50*time.Millisecond, 100*time.Millisecond
	n.PingInterval, n.MaxPingsOut = time.Second, 2
	return n
}

func connect(ctx context.Context, o sync.Options) (lease.Backend, error) {
	s := settingsOf(o)
	n := natsOptions(ctx, o, s)
	conn, err := n.Connect()
	if err != nil {
		return nil, fmt.Errorf("connecting: %w; is the server running?", err)
	}
	b, err := open(ctx, conn, s)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("bucket %s: %w", s.bucket, err)
	}
	return b, nil
}

func open(ctx context.Context, conn *nats.Conn, s settings) (*backend, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	b := &backend{conn: conn, js: js}
	if b.kv, err = openBucket(ctx, js, s); err != nil {
		return nil, err
	}
	if b.stream, err = js.Stream(ctx, "KV_"+s.bucket); err != nil {
		return nil, err
	}
	config := b.stream.CachedInfo().Config
	b.expires = config.AllowMsgTTL
	return b, suits(config)
}
