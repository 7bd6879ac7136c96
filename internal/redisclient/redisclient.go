// Package redisclient makes the client that drivers on Redis use, from the
// addresses and the options of their users.
package redisclient

import (
	"cmp"
	"fmt"
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
	o, err := redis.ParseURL(addr)
	if err != nil {
		return nil, fmt.Errorf("redis address is not host:port or redis://[user:password@]host:port[/number]: %w", err)
	}
	if o.Network != "tcp" {
		return nil, fmt.Errorf("redis address of a %s socket: set a Dialer in the redis.UniversalOptions to use one", o.Network)
	}
	return o, nil
}

// complete gives o what it lacks and the URL has.
func complete(o *redis.UniversalOptions, url *redis.Options) {
	o.Username = cmp.Or(o.Username, url.Username)
	o.Password = cmp.Or(o.Password, url.Password)
	o.DB = cmp.Or(o.DB, url.DB)
	if o.TLSConfig == nil {
		o.TLSConfig = url.TLSConfig
	}
	o.MaxRetries = cmp.Or(o.MaxRetries, url.MaxRetries)
	o.MinRetryBackoff = cmp.Or(o.MinRetryBackoff, url.MinRetryBackoff)
	o.MaxRetryBackoff = cmp.Or(o.MaxRetryBackoff, url.MaxRetryBackoff)
	o.DialTimeout = cmp.Or(o.DialTimeout, url.DialTimeout)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, url.ReadTimeout)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, url.WriteTimeout)
	o.PoolFIFO = o.PoolFIFO || url.PoolFIFO
	o.PoolSize = cmp.Or(o.PoolSize, url.PoolSize)
	o.MinIdleConns = cmp.Or(o.MinIdleConns, url.MinIdleConns)
	o.MaxConnAge = cmp.Or(o.MaxConnAge, url.MaxConnAge)
	o.PoolTimeout = cmp.Or(o.PoolTimeout, url.PoolTimeout)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, url.IdleTimeout)
	o.IdleCheckFrequency = cmp.Or(o.IdleCheckFrequency, url.IdleCheckFrequency)
}
