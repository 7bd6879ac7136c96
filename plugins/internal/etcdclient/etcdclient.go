// Package etcdclient connects the packages on etcd to their servers, all in the same
// way.
package etcdclient

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const (
	defaultAddress = "127.0.0.1:2379"
	defaultPort    = "2379"
	// keepAlive is how often a connection that is silent is looked after: one that is
	// dead without a word is found out.
	keepAlive = 10 * time.Second
	// maxAnswer is how many bytes of one answer are read.
	maxAnswer = 64 << 20
)

// Settings say how to connect.
type Settings struct {
	// Addrs are the servers: host and port, the latter 2379 if it is left out, or
	// URLs, which may hold user and password. Default: 127.0.0.1:2379.
	Addrs []string
	// Username and Password win over those of the addresses.
	Username, Password string
	// TLS, if any, is used for the connections. It is cloned.
	TLS *tls.Config
	// Timeout bounds connecting.
	Timeout time.Duration
	// LogConfig has the client log; without it, it logs nothing.
	LogConfig *zap.Config
}

// Config returns the configuration of the client. Its endpoints can be shown: what
// is secret is not among them.
func (s Settings) Config() (clientv3.Config, error) {
	config := clientv3.Config{
		Username: s.Username, Password: s.Password,
		DialTimeout: s.Timeout, DialKeepAliveTime: keepAlive, DialKeepAliveTimeout: s.Timeout,
		MaxCallRecvMsgSize: maxAnswer, LogConfig: s.LogConfig,
	}
	if s.LogConfig == nil {
		config.Logger = zap.NewNop()
	}
	if s.TLS != nil {
		config.TLS = s.TLS.Clone()
	}
	for _, addr := range s.Addrs {
		if addr = strings.TrimSpace(addr); addr == "" {
			continue
		}
		endpoint, user, err := parse(addr)
		if err != nil {
			return config, err
		}
		config.Endpoints = append(config.Endpoints, endpoint)
		if user != nil && s.Username == "" {
			config.Username = user.Username()
			config.Password, _ = user.Password()
		}
	}
	if len(config.Endpoints) == 0 {
		config.Endpoints = []string{defaultAddress}
	}
	return config, nil
}

var errAddress = errors.New("the address of etcd is not host:port or http://[user:password@]host:port; characters that a URL gives a meaning are escaped in user and password, as %40 for @")

// parse takes an address apart. Errors of package url would show the password.
func parse(addr string) (endpoint string, user *url.Userinfo, err error) {
	if !strings.Contains(addr, "://") {
		if strings.Contains(addr, "@") {
			return "", nil, errAddress
		}
		return withPort(addr), nil, nil
	}
	u, err := url.Parse(addr)
	switch {
	case err != nil || u.User == nil && strings.Contains(addr, "@"):
		return "", nil, errAddress
	case u.Scheme == "unix":
		return addr, nil, nil
	case u.Host == "":
		return "", nil, errAddress
	}
	return u.Scheme + "://" + withPort(u.Host), u.User, nil
}

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), defaultPort)
}

// Lazy is a client that is made when it is first wanted, and anew when that failed
// or after Close. Its zero value is ready for use.
type Lazy struct {
	mu      sync.Mutex
	current *attempt
}

type attempt struct {
	client func() (*clientv3.Client, error)
}

// Client returns the client, which connect makes if there is none.
func (l *Lazy) Client(connect func() (*clientv3.Client, error)) (*clientv3.Client, error) {
	l.mu.Lock()
	if l.current == nil {
		l.current = &attempt{sync.OnceValues(connect)}
	}
	a := l.current
	l.mu.Unlock()
	client, err := a.client()
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.current == a {
			l.current = nil
		}
	}
	return client, err
}

// Close closes the client, if there is one.
func (l *Lazy) Close() error {
	l.mu.Lock()
	a := l.current
	l.current = nil
	l.mu.Unlock()
	if a == nil {
		return nil
	}
	client, err := a.client()
	if err != nil {
		return nil // whoever wanted it was told
	}
	return client.Close()
}
