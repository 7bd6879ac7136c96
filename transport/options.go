package transport

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/util/pki"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// DefaultBufSizeH2 is the value of Options.BuffSizeH2 when it is not set, which
// see.
var DefaultBufSizeH2 = 4 * 1024 * 1024

// Options configure a transport.
type Options struct {
	// Codec is kept for transports that have to encode messages themselves.
	// The built-in ones do not use it.
	Codec codec.Marshaler
	// Context carries values for an implementation's own options. The HTTP
	// transport looks up the string key "http_handlers": a
	// map[string]http.Handler, by http.ServeMux pattern, of handlers to serve
	// beside the messages.
	Context context.Context
	// Logger takes what cannot be returned. Default: logger.DefaultLogger.
	Logger logger.Logger
	// TLSConfig is used, by clone, for both listening and dialling. Setting it
	// makes the transport secure, and Identity is not asked.
	TLSConfig *tls.Config
	// Identity supplies certificates, and whom to trust, for each connection. It
	// is set by Secure, MutualTLS and InsecureTLS. Setting it makes the transport
	// secure.
	Identity mtls.Source
	// Addrs are for transports that work through an intermediary.
	Addrs []string
	// Timeout limits each Send and each Recv. Zero, the default: no limit.
	Timeout time.Duration
	// BuffSizeH2 is the most bytes that one Recv returns of an HTTP/2 body. A
	// body is delivered as it arrives, in pieces of at most 64 KiB whatever is
	// set here; only smaller values make a difference. It does not limit a
	// message, MaxMessageSize does. Below 1: DefaultBufSizeH2.
	BuffSizeH2 int
	// Secure turns TLS on: see the function of that name, which also sets
	// Identity. Without that and without a TLSConfig, Listen fails and Dial
	// trusts the system's authorities.
	Secure bool
	// MaxMessageSize is the largest body, in bytes, that is sent or accepted.
	// Below 1: DefaultMaxMessageSize.
	MaxMessageSize int
	// MaxConnBytes limits what one end of a multiplexed connection holds for the
	// other one, in bytes: messages that arrive, wait to be received, or are
	// being handled. A sender that would exceed it waits. It is at least 1 MiB
	// and twice MaxMessageSize. Below 1: DefaultMaxConnBytes.
	MaxConnBytes int
	// MaxTotalBytes limits the same for all connections of a listener together,
	// whatever they speak: multiplexed, HTTP/1.1 or HTTP/2. Multiplexed requests
	// for which there is no room are refused with ErrNotSent, so that clients go to
	// another node; others with status or code 503. Below 1: DefaultMaxTotalBytes.
	MaxTotalBytes int
	// HandshakeTimeout limits the TLS handshake and the arrival of a message's
	// headers, counted for the first message from the start of the connection
	// and for later ones from their first byte. Below 1:
	// DefaultHandshakeTimeout.
	HandshakeTimeout time.Duration
	// IdleTimeout is how long a listener keeps a connection on which no
	// message arrives. Zero, the default: forever, as a stream may be silent
	// for any time.
	IdleTimeout time.Duration
	// DisableMux keeps the connections of a transport plain, both those that
	// it dials and those that it accepts: one connection for each socket, HTTP
	// messages on it. By default sockets between two processes of this project
	// share one connection.
	DisableMux bool
	// Connections is how many multiplexed connections to one address the sockets
	// are spread over, at most: there is one until it has sixteen sockets open at
	// the same time. What arrives on one connection is read by one processor at a
	// time, so more of them let a process with many processors receive more. Below
	// 1: one for each eight processors (GOMAXPROCS), but at least one and at most
	// four.
	Connections int
	// PingInterval is how long the peer of a multiplexed connection may be
	// silent until it is asked for a sign of life; when it gives none for as
	// long again the connection is closed. Zero: DefaultPingInterval. Below
	// zero: peers are never asked.
	PingInterval time.Duration
}

// DialOptions configure one Dial.
type DialOptions struct {
	// Context cancels the dial. Default: context.Background.
	Context context.Context
	// Timeout limits the dial, the TLS handshake and a proxy's answer
	// included. Default: DefaultDialTimeout; 0: no limit.
	Timeout time.Duration
	// Stream lets Recv wait for a message whether or not one was sent.
	// Without it each Recv first waits for a Send of its own.
	Stream bool
	// ConnClose asks the peer to close the connection after its reply.
	ConnClose bool
	// InsecureSkipVerify accepts any certificate of the peer. It counts only
	// when the transport is Secure and has no TLSConfig. The log is warned.
	InsecureSkipVerify bool
}

// ListenOptions configure one Listen.
type ListenOptions struct {
	// Service is the name of the service that listens, for its certificate.
	Service string
	// Context carries values for an implementation's own options.
	Context context.Context
}

// Option sets a field of Options.
type Option func(*Options)

// DialOption sets a field of DialOptions.
type DialOption func(*DialOptions)

// ListenOption sets a field of ListenOptions.
type ListenOption func(*ListenOptions)

// Addrs sets the addresses of an intermediary.
func Addrs(addrs ...string) Option {
	return func(o *Options) { o.Addrs = slices.Clone(addrs) }
}

// Codec sets the codec of transports that encode messages themselves.
func Codec(c codec.Marshaler) Option {
	return func(o *Options) { o.Codec = c }
}

// Timeout limits each Send and Recv; 0 takes the limit away.
func Timeout(t time.Duration) Option {
	return func(o *Options) { o.Timeout = t }
}

// Secure turns TLS on or off. Services that do nothing else for it verify each
// other when they run as one user on one host, or with the same files in
// MICRO_TLS_CERT, MICRO_TLS_KEY and MICRO_TLS_CA: see pki.Default. A client also
// verifies that it has reached the service that it calls. A TLSConfig, MutualTLS or
// InsecureTLS says more precisely whom to trust.
func Secure(b bool) Option {
	return func(o *Options) {
		o.Secure = b
		switch {
		case !b:
			o.Identity = nil
		case o.Identity == nil:
			o.Identity = pki.Default()
		}
	}
}

// MutualTLS turns TLS on with certificates and authorities from a source, such as
// pki.Files: both ends show a certificate, and a client verifies that it has reached
// the service that it calls. Certificates that change are used from the next
// connection on; no connection is dropped. It is for the http transport: transport/nats
// connects to a server, and shows it the certificate of a TLSConfig.
func MutualTLS(src mtls.Source) Option {
	return func(o *Options) {
		o.Secure, o.Identity = true, nil
		if src != nil {
			o.Identity = &identity{src} // a pointer can be compared whatever src is
		}
	}
}

type identity struct{ mtls.Source }

// InsecureTLS turns TLS on with a self-signed certificate and verifies nobody:
// whoever answers can read along. It warns the log. For tests alone.
func InsecureTLS() Option {
	return func(o *Options) { o.Secure, o.Identity = true, pki.Insecure() }
}

// TLSConfig sets the configuration of TLS and thereby turns it on.
func TLSConfig(t *tls.Config) Option {
	return func(o *Options) { o.TLSConfig = t }
}

// Logger sets where a transport logs.
func Logger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// BuffSizeH2 sets the most bytes, up to 64 KiB, that one Recv returns of an
// HTTP/2 body; see Options.BuffSizeH2.
func BuffSizeH2(size int) Option {
	return func(o *Options) { o.BuffSizeH2 = size }
}

// MaxMessageSize sets the largest body, in bytes, that is sent or accepted, in
// whatever form messages travel and whatever they contain.
// Values below 1 mean DefaultMaxMessageSize. Both ends need the limit: the
// sender refuses with ErrMessageTooLarge before it writes anything, and the
// receiver does so before it has read more than the limit.
func MaxMessageSize(bytes int) Option {
	return func(o *Options) { o.MaxMessageSize = bytes }
}

// MaxConnBytes limits what is held for the peer of one multiplexed connection;
// see Options.MaxConnBytes.
func MaxConnBytes(bytes int) Option {
	return func(o *Options) { o.MaxConnBytes = bytes }
}

// MaxTotalBytes limits what a listener holds for all its connections; see
// Options.MaxTotalBytes.
func MaxTotalBytes(bytes int) Option {
	return func(o *Options) { o.MaxTotalBytes = bytes }
}

// HandshakeTimeout sets how long a peer may take for the TLS handshake and for
// the headers of each message. Values below 1 mean DefaultHandshakeTimeout.
func HandshakeTimeout(d time.Duration) Option {
	return func(o *Options) { o.HandshakeTimeout = d }
}

// IdleTimeout sets how long a listener keeps a connection on which no message
// arrives; 0 means forever.
func IdleTimeout(d time.Duration) Option {
	return func(o *Options) { o.IdleTimeout = d }
}

// DisableMux keeps connections plain; see Options.DisableMux. A single Dial is
// kept plain by WithConnClose.
func DisableMux() Option {
	return func(o *Options) { o.DisableMux = true }
}

// Connections sets how many multiplexed connections to one address there may be;
// see Options.Connections.
func Connections(n int) Option {
	return func(o *Options) { o.Connections = n }
}

// PingInterval sets how long the peer of a multiplexed connection may be silent;
// see Options.PingInterval.
func PingInterval(d time.Duration) Option {
	return func(o *Options) { o.PingInterval = d }
}

// WithStream makes Recv independent of Send.
func WithStream() DialOption {
	return func(o *DialOptions) { o.Stream = true }
}

// WithTimeout limits the dial; 0 takes the limit away.
func WithTimeout(d time.Duration) DialOption {
	return func(o *DialOptions) { o.Timeout = d }
}

// WithConnClose asks the peer to close the connection after its reply.
func WithConnClose() DialOption {
	return func(o *DialOptions) { o.ConnClose = true }
}

// WithInsecureSkipVerify accepts any certificate when the transport is secure
// and has no TLS configuration of its own.
func WithInsecureSkipVerify(b bool) DialOption {
	return func(o *DialOptions) { o.InsecureSkipVerify = b }
}

// WithContext lets ctx cancel the dial. It has no effect on the connection
// once Dial has returned.
func WithContext(ctx context.Context) DialOption {
	return func(o *DialOptions) { o.Context = ctx }
}

// NetListener makes Listen serve l as it is: the address is l's, and no TLS is
// put on top. A nil l is ignored. The listener then owns l and closes it.
func NetListener(l net.Listener) ListenOption {
	return func(o *ListenOptions) {
		if l == nil {
			return
		}
		o.Context = context.WithValue(contextOrBackground(o.Context), netListenerKey{}, l)
	}
}

type netListenerKey struct{}

func netListener(o ListenOptions) (net.Listener, bool) {
	l, ok := contextOrBackground(o.Context).Value(netListenerKey{}).(net.Listener)
	return l, ok
}

func contextOrBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

func newDialOptions(opts []DialOption) DialOptions {
	o := DialOptions{Timeout: DefaultDialTimeout}
	options.To(&o, opts)
	o.Context = contextOrBackground(o.Context)
	return o
}

func newListenOptions(opts []ListenOption) ListenOptions {
	var o ListenOptions
	options.To(&o, opts)
	return o
}

// maxMessageSize is the body limit in force.
func (o *Options) maxMessageSize() int {
	if o.MaxMessageSize < 1 {
		return DefaultMaxMessageSize
	}
	return o.MaxMessageSize
}

// defaultConnections is Options.Connections when that is not set.
var defaultConnections = max(1, min(runtime.GOMAXPROCS(0)/8, 4))

// connections is the number of connections to one address in force.
func (o *Options) connections() int {
	if o.Connections < 1 {
		return defaultConnections
	}
	return o.Connections
}

// maxTotalBytes is the limit of all connections of a listener in force.
func (o *Options) maxTotalBytes() int {
	if o.MaxTotalBytes < 1 {
		return DefaultMaxTotalBytes
	}
	return o.MaxTotalBytes
}

// handshakeTimeout is the limit for handshakes and headers in force.
func (o *Options) handshakeTimeout() time.Duration {
	if o.HandshakeTimeout < 1 {
		return DefaultHandshakeTimeout
	}
	return o.HandshakeTimeout
}

func (o *Options) secure() bool { return o.Secure || o.TLSConfig != nil || o.Identity != nil }

// logf writes one line to the transport's log.
func (o *Options) logf(level logger.Level, format string, args ...any) {
	if o.Logger != nil {
		o.Logger.Logf(level, format, args...)
	}
}
