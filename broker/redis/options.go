package redis

import (
	"cmp"
	"crypto/tls"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/options"
)

// The defaults are read when a broker connects.
var (
	// DefaultMaxActive is the largest number of connections for publishing; 0
	// leaves it to the client: ten for each processor.
	DefaultMaxActive = 0
	// DefaultMaxIdle is kept for those who read it: see [MaxIdle].
	DefaultMaxIdle = 5
	// DefaultIdleTimeout is after how long an unused connection is closed.
	DefaultIdleTimeout = 2 * time.Minute
	// DefaultConnectTimeout bounds making a connection.
	DefaultConnectTimeout = 5 * time.Second
	// DefaultReadTimeout bounds waiting for an answer of the server.
	DefaultReadTimeout = 5 * time.Second
	// DefaultWriteTimeout bounds sending to the server.
	DefaultWriteTimeout = 5 * time.Second
)

// settings are the options of this driver.
type settings struct {
	connect, read, write, idle *time.Duration
	maxIdle, maxActive         *int
	queueLimit                 *int
}

// set returns an option that changes the settings.
func set(change func(*settings)) broker.Option {
	return func(o *broker.Options) {
		s := settingsOf(*o)
		change(&s)
		o.Context = options.Put(o.Context, s)
	}
}

func settingsOf(o broker.Options) settings {
	s, _ := options.Value[settings](o.Context)
	return s
}

// ConnectTimeout bounds making a connection.
func ConnectTimeout(d time.Duration) broker.Option {
	return set(func(s *settings) { s.connect = &d })
}

// ReadTimeout bounds waiting for an answer of the server. Subscriptions may be idle
// for longer: a server that is silent is asked whether it is still there.
func ReadTimeout(d time.Duration) broker.Option {
	return set(func(s *settings) { s.read = &d })
}

// WriteTimeout bounds sending to the server.
func WriteTimeout(d time.Duration) broker.Option {
	return set(func(s *settings) { s.write = &d })
}

// IdleTimeout sets after how long an unused connection is closed.
func IdleTimeout(d time.Duration) broker.Option {
	return set(func(s *settings) { s.idle = &d })
}

// MaxIdle has no effect: connections for publishing are kept until they were idle
// for the IdleTimeout. It is here for programs that set it.
func MaxIdle(n int) broker.Option {
	return set(func(s *settings) { s.maxIdle = &n })
}

// MaxActive sets the largest number of connections for publishing; who publishes
// beyond it waits. 0 leaves it to the client.
func MaxActive(n int) broker.Option {
	return set(func(s *settings) { s.maxActive = &n })
}

// QueueLimit sets how many bytes of messages each subscription keeps for a handler that
// is slow; 64 MiB without it, or when it is not positive.
func QueueLimit(bytes int) broker.Option {
	return set(func(s *settings) { s.queueLimit = &bytes })
}

// queueLimit is that in force.
func queueLimit(o broker.Options) int {
	if n := or(settingsOf(o).queueLimit, 0); n > 0 {
		return n
	}
	return defaultQueueLimit
}

func or[T any](given *T, otherwise T) T {
	if given != nil {
		return *given
	}
	return otherwise
}

// readTimeout is that in force.
func readTimeout(o broker.Options) time.Duration {
	return cmp.Or(or(settingsOf(o).read, DefaultReadTimeout), DefaultReadTimeout)
}

// universal returns the options of the client. It does not repeat what it could not
// send: whether a message is published twice is for the publisher to decide.
func universal(o broker.Options) redis.UniversalOptions {
	s := settingsOf(o)
	u := redis.UniversalOptions{
		DialTimeout:  or(s.connect, DefaultConnectTimeout),
		ReadTimeout:  or(s.read, DefaultReadTimeout),
		WriteTimeout: or(s.write, DefaultWriteTimeout),
		IdleTimeout:  or(s.idle, DefaultIdleTimeout),
		PoolSize:     max(or(s.maxActive, DefaultMaxActive), 0),
		MaxRetries:   -1,
	}
	if o.TLSConfig != nil {
		u.TLSConfig = o.TLSConfig.Clone()
	} else if o.Secure {
		u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return u
}
