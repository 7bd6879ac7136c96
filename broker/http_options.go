package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/justcy/go-micro/v4/internal/tlssource"
	"github.com/justcy/go-micro/v4/logger"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

const (
	defaultMaxMessageSize    = 16 << 20
	defaultMaxOutboxSize     = 32 << 20
	defaultDeliveryTimeout   = 30 * time.Second
	defaultDisconnectTimeout = 10 * time.Second
)

// httpSettings are the options of the http broker alone. They travel in
// Options.Context, as options of particular brokers do.
type httpSettings struct {
	maxMessageSize    int
	maxOutboxSize     int
	deliveryTimeout   time.Duration
	disconnectTimeout time.Duration
	verify            bool
	roots             *x509.CertPool
	advertise         string
}

type httpSettingsKey struct{}

func settingsOf(ctx context.Context) httpSettings {
	if ctx != nil {
		if s, ok := ctx.Value(httpSettingsKey{}).(httpSettings); ok {
			return s
		}
	}
	return httpSettings{
		maxMessageSize:    defaultMaxMessageSize,
		maxOutboxSize:     defaultMaxOutboxSize,
		deliveryTimeout:   defaultDeliveryTimeout,
		disconnectTimeout: defaultDisconnectTimeout,
	}
}

func changeSettings(change func(*httpSettings)) Option {
	return func(o *Options) {
		s := settingsOf(o.Context)
		change(&s)
		if o.Context == nil {
			o.Context = context.Background()
		}
		o.Context = context.WithValue(o.Context, httpSettingsKey{}, s)
	}
}

// MaxMessageSize limits an encoded message of the http broker, in bytes, both
// when publishing and when receiving. Default 16 MiB, also for n <= 0.
func MaxMessageSize(n int) Option {
	return changeSettings(func(s *httpSettings) {
		if s.maxMessageSize = n; n <= 0 {
			s.maxMessageSize = defaultMaxMessageSize
		}
	})
}

// MaxOutboxSize limits the encoded messages that wait in the http broker to be
// delivered, of all receivers together, in bytes; a message that several receivers
// are to get counts once. Default 32 MiB, also for n <= 0, and never less than
// twice what [MaxMessageSize] allows.
func MaxOutboxSize(n int) Option {
	return changeSettings(func(s *httpSettings) {
		if s.maxOutboxSize = n; n <= 0 {
			s.maxOutboxSize = defaultMaxOutboxSize
		}
	})
}

// DeliveryTimeout limits one delivery of the http broker, from connecting to
// the reply that the subscriber's handlers are done. After it the message is
// offered to another member of the queue group, or again to the same
// subscriber. Default 30s, also for d <= 0.
func DeliveryTimeout(d time.Duration) Option {
	return changeSettings(func(s *httpSettings) {
		if s.deliveryTimeout = d; d <= 0 {
			s.deliveryTimeout = defaultDeliveryTimeout
		}
	})
}

// DisconnectTimeout limits how long Disconnect of the http broker waits for
// messages on their way out and for handlers at work. Default 10s, also for
// d <= 0.
func DisconnectTimeout(d time.Duration) Option {
	return changeSettings(func(s *httpSettings) {
		if s.disconnectTimeout = d; d <= 0 {
			s.disconnectTimeout = defaultDisconnectTimeout
		}
	})
}

// Advertise sets the address under which others reach the subscribers of an http
// broker, a host or "host:port". Without a port, that listened on is added.
// Without the option it is the address listened on, its host replaced by an
// address of this machine when it is empty. A service sets it to what it
// advertises itself.
func Advertise(address string) Option {
	return changeSettings(func(s *httpSettings) { s.advertise = address })
}

// VerifyTLS makes the http broker verify the certificates of the subscribers it
// delivers to against roots, or against the system's when roots is nil, in place of
// what [Secure] or a [TLSConfig] says of that.
func VerifyTLS(roots *x509.CertPool) Option {
	return changeSettings(func(s *httpSettings) { s.verify, s.roots = true, roots })
}

// clientTLS returns the TLS configuration for deliveries, unless that comes from
// the identity. Without any, the system's authorities are trusted.
func clientTLS(o *Options) *tls.Config {
	s := settingsOf(o.Context)
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLSConfig != nil {
		config = o.TLSConfig.Clone()
	}
	if s.verify {
		config.InsecureSkipVerify = false
		if s.roots != nil {
			config.RootCAs = s.roots
		}
	}
	if config.InsecureSkipVerify && config.VerifyConnection == nil && config.VerifyPeerCertificate == nil {
		logger.LoggerOrDefault(o.Logger).Logf(logger.WarnLevel, "http broker: TLS verifies no subscriber, as the options say")
	}
	return config
}

// identityTLS returns the TLS configuration for a delivery to an address from the
// identity, and nil when that is not asked. Anybody may subscribe whom an authority
// vouches for as some service.
func identityTLS(o *Options) func(addr string) (*tls.Config, error) {
	if o.Identity == nil || o.TLSConfig != nil || settingsOf(o.Context).verify {
		return nil
	}
	src := o.Identity
	return func(addr string) (*tls.Config, error) {
		return tlssource.Client(src, mtls.Endpoint{Service: mtls.AnyService, Addr: addr}, plainProtocols)
	}
}
