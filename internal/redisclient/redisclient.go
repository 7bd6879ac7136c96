// Package redisclient makes the client that drivers on Redis use, from the
// addresses and the options of their users.
package redisclient

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-redis/redis/v8"
)

// DefaultAddress is the server of those who name none.
const DefaultAddress = "redis://127.0.0.1:6379"

// New returns a client for the addresses: those of given when there are none,
// and DefaultAddress when there are none either. An address is a redis:// or
// rediss:// URL, or host:port; several are the seeds of a cluster. What given
// sets wins over what a URL says. The client connects when it is first used.
func New(addrs []string, given redis.UniversalOptions) (redis.UniversalClient, error) {
	if len(addrs) == 0 {
		addrs = given.Addrs
	}
	if len(addrs) == 0 {
		addrs = []string{DefaultAddress}
	}
	o := given
	o.Addrs = make([]string, 0, len(addrs))
	for _, addr := range addrs {
		parsed, err := parse(addr)
		if err != nil {
			return nil, err
		}
		o.Addrs = append(o.Addrs, parsed.Addr)
		complete(&o, parsed)
	}
	if o.MasterName == "" && len(o.Addrs) > 1 {
		return newCluster(&o), nil
	}
	return redis.NewUniversalClient(&o), nil
}

func parse(addr string) (*redis.Options, error) {
	if !strings.Contains(addr, "://") {
		addr = "redis://" + addr
	}
	const form = "redis address is not host:port or redis://[user:password@]host:port[/number]"
	// The library's error would show a password that is not escaped.
	if u, err := url.Parse(addr); err != nil || u.User == nil && strings.Contains(addr, "@") {
		return nil, errors.New(form + "; characters that a URL gives a meaning are escaped in user and password, as %40 for @")
	}
	o, err := redis.ParseURL(addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", form, err)
	}
	if o.Network != "tcp" {
		return nil, fmt.Errorf("redis address of a %s socket: set a Dialer in the redis.UniversalOptions to use one", o.Network)
	}
	return o, nil
}

// complete gives o what it lacks and its URL has.
func complete(o *redis.UniversalOptions, said *redis.Options) {
	o.Username = cmp.Or(o.Username, said.Username)
	o.Password = cmp.Or(o.Password, said.Password)
	o.DB = cmp.Or(o.DB, said.DB)
	if o.TLSConfig == nil {
		o.TLSConfig = said.TLSConfig
	}
	o.MaxRetries = cmp.Or(o.MaxRetries, said.MaxRetries)
	o.MinRetryBackoff = cmp.Or(o.MinRetryBackoff, said.MinRetryBackoff)
	o.MaxRetryBackoff = cmp.Or(o.MaxRetryBackoff, said.MaxRetryBackoff)
	o.DialTimeout = cmp.Or(o.DialTimeout, said.DialTimeout)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, said.ReadTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, said.WriteTimeout)
	o.PoolFIFO = o.PoolFIFO || said.PoolFIFO
	o.PoolSize = cmp.Or(o.PoolSize, said.PoolSize)
	o.MinIdleConns = cmp.Or(o.MinIdleConns, said.MinIdleConns)
	o.MaxConnAge = cmp.Or(o.MaxConnAge, said.MaxConnAge)
	o.PoolTimeout = cmp.Or(o.PoolTimeout, said.PoolTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, said.IdleTimeout)
	o.IdleCheckFrequency = cmp.Or(o.IdleCheckFrequency, said.IdleCheckFrequency)
}
