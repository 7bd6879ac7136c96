package etcd

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/justcy/go-micro/v4/registry"
)

const (
	defaultAddress = "127.0.0.1:2379"
	defaultPort    = "2379"
	defaultTimeout = 5 * time.Second
)

type (
	authKey      struct{}
	logConfigKey struct{}

	credentials struct{ user, password string }
)

// Auth sets user and password. Without it they are those of ETCD_USERNAME and
// ETCD_PASSWORD, if these are set.
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

// configuration is that of the client.
func configuration(o registry.Options) clientv3.Config {
	config := clientv3.Config{
		Endpoints:   endpoints(o.Addrs),
		DialTimeout: timeout(o),
		Logger:      zap.NewNop(),
		// A connection that is dead without a word is found out.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: timeout(o),
	}
	if o.TLSConfig != nil {
		config.TLS = o.TLSConfig.Clone()
	} else if o.Secure {
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config.Username, config.Password = os.Getenv("ETCD_USERNAME"), os.Getenv("ETCD_PASSWORD")
	if o.Context == nil {
		return config
	}
	if c, ok := o.Context.Value(authKey{}).(credentials); ok {
		config.Username, config.Password = c.user, c.password
	}
	if c, ok := o.Context.Value(logConfigKey{}).(*zap.Config); ok && c != nil {
		config.Logger, config.LogConfig = nil, c
	}
	return config
}

// endpoints are the addresses, those of the environment, or the default, each with a
// port.
func endpoints(addrs []string) []string {
	if len(addrs) == 0 {
		addrs = strings.Split(os.Getenv("MICRO_REGISTRY_ADDRESS"), ",")
	}
	var out []string
	for _, addr := range addrs {
		if addr = strings.TrimSpace(addr); addr != "" {
			out = append(out, withPort(addr))
		}
	}
	if len(out) == 0 {
		return []string{defaultAddress}
	}
	return out
}

func withPort(addr string) string {
	scheme, host, found := strings.Cut(addr, "://")
	if !found {
		scheme, host = "", addr
	} else {
		scheme += "://"
	}
	if _, _, err := net.SplitHostPort(host); err != nil && scheme != "unix://" {
		host = net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
	}
	return scheme + host
}
