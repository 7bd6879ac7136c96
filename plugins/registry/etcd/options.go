package etcd

import (
	"context"
	"crypto/tls"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/justcy/go-micro/plugins/v4/internal/etcdclient"
	"github.com/justcy/go-micro/v4/registry"
)

const defaultTimeout = 5 * time.Second

type (
	authKey      struct{}
	logConfigKey struct{}

	credentials struct{ user, password string }
)

// Auth sets user and password. Without it they are those of ETCD_USERNAME and
// ETCD_PASSWORD, if these are set, or of the address.
func Auth(username, password string) registry.Option {
	return withValue(authKey{}, credentials{username, password})
}

// LogConfig has the client of etcd log as configured; without it, it logs nothing.
func LogConfig(config *zap.Config) registry.Option {
	return withValue(logConfigKey{}, config)
}

func withValue(key, value any) registry.Option {
	return func(o *registry.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, key, value)
	}
}

// timeout is that of an operation.
func timeout(o registry.Options) time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return defaultTimeout
}

// settings say how to connect.
func settings(o registry.Options) etcdclient.Settings {
	s := etcdclient.Settings{Addrs: o.Addrs, TLS: o.TLSConfig, Timeout: timeout(o)}
	if len(s.Addrs) == 0 {
		s.Addrs = strings.Split(os.Getenv("MICRO_REGISTRY_ADDRESS"), ",")
	}
	if s.TLS == nil && o.Secure {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if o.Context != nil {
		s.LogConfig, _ = o.Context.Value(logConfigKey{}).(*zap.Config)
		if c, ok := o.Context.Value(authKey{}).(credentials); ok {
			s.Username, s.Password = c.user, c.password
			return s
		}
	}
	s.Username, s.Password = os.Getenv("ETCD_USERNAME"), os.Getenv("ETCD_PASSWORD")
	return s
}
