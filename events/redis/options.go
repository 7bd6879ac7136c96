package stream

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	trimVariable     = "MICRO_REDIS_TRIM_DURATION"
	defaultRetention = 5 * 24 * time.Hour
	cleanInterval    = 4 * time.Hour
)

// Options configure a stream.
type Options struct {
	// Address is a redis:// or rediss:// URL, or host:port; several, with commas
	// between them, are the seeds of a cluster. Empty: the addresses of
	// RedisOptions, or else redis://127.0.0.1:6379.
	Address string
	// User and Password win over those of the Address.
	User     string
	Password string
	// TLSConfig, if any, is used for the connections.
	TLSConfig *tls.Config
	// RedisOptions are what an address cannot say: pools, timeouts, Sentinel.
	// They win over the Address; User, Password and TLSConfig win over them.
	RedisOptions *redis.UniversalOptions
	// Logger is told what nobody else can be told: events that are given up, and
	// a server that is away. Nil means the default logger.
	Logger logger.Logger
	// Retention is how long events are kept; less than zero means for ever. Zero
	// means the value of the environment variable MICRO_REDIS_TRIM_DURATION, or
	// else five days.
	Retention time.Duration
	// CleanInterval is how often what is older is removed, and what consumers left
	// behind that are gone; less than zero means never. Zero means four hours.
	CleanInterval time.Duration
}

// Option changes Options.
type Option func(*Options)

// Address sets where the server is: a redis:// or rediss:// URL, or host:port.
func Address(addr string) Option { return func(o *Options) { o.Address = addr } }

// User sets the name to log in with.
func User(user string) Option { return func(o *Options) { o.User = user } }

// Password sets the password to log in with.
func Password(password string) Option { return func(o *Options) { o.Password = password } }

// TLSConfig sets the configuration of TLS, which is then used.
func TLSConfig(config *tls.Config) Option { return func(o *Options) { o.TLSConfig = config } }

// WithRedisOptions sets the options of the client.
func WithRedisOptions(options *redis.UniversalOptions) Option {
	return func(o *Options) { o.RedisOptions = options }
}

// Logger sets the logger.
func Logger(l logger.Logger) Option { return func(o *Options) { o.Logger = l } }

// Retention sets how long events are kept; less than zero means for ever. The
// shortest of all streams on a server counts, for all topics.
func Retention(d time.Duration) Option { return func(o *Options) { o.Retention = d } }

// CleanInterval sets how often old events and abandoned consumers are removed;
// less than zero means never.
func CleanInterval(d time.Duration) Option { return func(o *Options) { o.CleanInterval = d } }

func newOptions(opts []Option) Options {
	o := Options{Logger: logger.DefaultLogger}
	options.To(&o, opts)
	o.Logger = logger.LoggerOrDefault(o.Logger)
	return o
}

// universal returns the options of the client.
func (o Options) universal() redis.UniversalOptions {
	var u redis.UniversalOptions
	if o.RedisOptions != nil {
		u = *o.RedisOptions
	}
	if o.User != "" {
		u.Username = o.User
	}
	if o.Password != "" {
		u.Password = o.Password
	}
	if o.TLSConfig != nil {
		u.TLSConfig = o.TLSConfig.Clone()
	}
	return u
}

// retention resolves the option.
func (o Options) retention() (time.Duration, error) {
	text := os.Getenv(trimVariable)
	switch {
	case o.Retention != 0:
		return o.Retention, nil
	case text == "":
		return defaultRetention, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("redis stream: %s is %q, which is no duration such as 120h", trimVariable, text)
	}
	return d, nil
}
