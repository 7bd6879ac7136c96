// Package natsclient connects the drivers for NATS to their servers, all in the
// same way.
package natsclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/logger"
)

// Settings say how to connect.
type Settings struct {
	// Base is what the user set for the library; nil for its defaults. Its
	// callbacks are called beside the driver's.
	Base *nats.Options
	// Addrs win over the servers of Base. Each is a URL, or a host and a port, or
	// a list of these with commas.
	Addrs []string
	// Secure and TLSConfig ask for TLS.
	Secure    bool
	TLSConfig *tls.Config
	// Name tells the server's operator whose connection it is.
	Name string
	// Timeout limits the connecting, to all servers together. Without it each may
	// take the Timeout of Base.
	Timeout time.Duration
	// Logger is told of errors that nobody waits for.
	Logger logger.Logger
	// Changed, if set, is called when the connection was lost or is back. It must
	// not block.
	Changed func()
}

// Options returns the options of the library. The connection is restored for as
// long as it takes: a server that was away is used again when it is back.
func (s Settings) Options() nats.Options {
	o := nats.GetDefaultOptions()
	if s.Base != nil {
		o = withDefaults(*s.Base)
	}
	o.Servers = slices.Clone(o.Servers)
	if servers := Servers(s.Addrs); len(servers) > 0 {
		o.Url, o.Servers = "", servers
	}
	if o.Url == "" && len(o.Servers) == 0 {
		o.Url = nats.DefaultURL
	}
	if s.Secure || s.TLSConfig != nil {
		o.Secure = true
	}
	if s.TLSConfig != nil {
		o.TLSConfig = s.TLSConfig.Clone()
	}
	o.Name = cmp.Or(o.Name, s.Name)
	if s.Timeout > 0 {
		o.Timeout = s.Timeout / time.Duration(max(len(servers(&o)), 1))
	}
	o.AllowReconnect, o.IgnoreAuthErrorAbort = true, true
	if o.MaxReconnect == 0 || o.MaxReconnect == nats.DefaultMaxReconnect {
		o.MaxReconnect = -1
	}
	if o.ReconnectWait == nats.DefaultReconnectWait {
		o.ReconnectWait = reconnectWait
	}
	if o.PingInterval == nats.DefaultPingInterval {
		o.PingInterval = pingInterval
	}
	s.observe(&o)
	return o
}

// What takes the place of the library's defaults.
const (
	// reconnectWait is how long a server that was tried in vain is left alone.
	reconnectWait = 500 * time.Millisecond
	// pingInterval is how often a server is asked whether it is still there. One
	// that does not answer three times is taken for lost, half a minute after it
	// fell silent; the library's default would be six minutes.
	pingInterval = 10 * time.Second
)

// withDefaults fills in what a literal leaves out.
func withDefaults(o nats.Options) nats.Options {
	d := nats.GetDefaultOptions()
	o.Timeout = cmp.Or(o.Timeout, d.Timeout)
	o.ReconnectWait = cmp.Or(o.ReconnectWait, d.ReconnectWait)
	o.ReconnectJitter = cmp.Or(o.ReconnectJitter, d.ReconnectJitter)
	o.ReconnectJitterTLS = cmp.Or(o.ReconnectJitterTLS, d.ReconnectJitterTLS)
	o.PingInterval = cmp.Or(o.PingInterval, d.PingInterval)
	o.MaxPingsOut = cmp.Or(o.MaxPingsOut, d.MaxPingsOut)
	o.SubChanLen = cmp.Or(o.SubChanLen, d.SubChanLen)
	o.ReconnectBufSize = cmp.Or(o.ReconnectBufSize, d.ReconnectBufSize)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, d.DrainTimeout)
	o.FlusherTimeout = cmp.Or(o.FlusherTimeout, d.FlusherTimeout)
	return o
}

// observe adds the driver's callbacks to the user's.
func (s Settings) observe(o *nats.Options) {
	log, changed := logger.LoggerOrDefault(s.Logger), s.Changed
	if changed == nil {
		changed = func() {}
	}
	disconnected, reconnected, failed := o.DisconnectedErrCB, o.ReconnectedCB, o.AsyncErrorCB
	o.DisconnectedErrCB = func(c *nats.Conn, err error) {
		if err != nil {
			log.Logf(logger.WarnLevel, "%s: lost the connection to NATS (%s), and will connect again: %v", o.Name, Redacted(c.Servers()...), err)
		}
		changed()
		if disconnected != nil {
			disconnected(c, err)
		}
	}
	o.ReconnectedCB = func(c *nats.Conn) {
		log.Logf(logger.InfoLevel, "%s: connected to NATS at %s again", o.Name, Redacted(c.ConnectedUrl()))
		changed()
		if reconnected != nil {
			reconnected(c)
		}
	}
	o.AsyncErrorCB = func(c *nats.Conn, sub *nats.Subscription, err error) {
		subject := ""
		if sub != nil {
			subject = " on " + sub.Subject
		}
		log.Logf(logger.ErrorLevel, "%s: NATS%s: %v", o.Name, subject, err)
		if failed != nil {
			failed(c, sub, err)
		}
	}
}

// Connect connects, or fails with an error that names the servers.
func (s Settings) Connect() (*nats.Conn, error) {
	o := s.Options()
	for _, server := range servers(&o) {
		if _, err := parse(server); err != nil {
			return nil, err // the library's would show the password
		}
	}
	conn, err := o.Connect()
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS at %s: %w", Redacted(servers(&o)...), err)
	}
	return conn, nil
}

// servers returns the addresses that are tried.
func servers(o *nats.Options) []string {
	if o.Url == "" {
		return o.Servers
	}
	return append([]string{o.Url}, o.Servers...)
}

// Servers returns the URLs of addresses: those without a scheme are nats:// ones.
func Servers(addrs []string) []string {
	var servers []string
	for _, list := range addrs {
		for addr := range strings.SplitSeq(list, ",") {
			if addr = strings.TrimSpace(addr); addr == "" {
				continue
			}
			servers = append(servers, withScheme(addr))
		}
	}
	return servers
}

func withScheme(addr string) string {
	if strings.Contains(addr, "://") {
		return addr
	}
	return "nats://" + addr
}

var errAddress = errors.New("the address of NATS is not nats://[user:password@]host:port; characters that a URL gives a meaning are escaped in user and password, as %40 for @")

// parse reads an address. One with an @ and no user has a password that was not
// escaped, which would be taken for something else.
func parse(addr string) (*url.URL, error) {
	u, err := url.Parse(withScheme(addr))
	if err != nil || u.User == nil && strings.Contains(addr, "@") {
		return nil, errAddress
	}
	return u, nil
}

// Redacted returns the URLs without the passwords and tokens in them.
func Redacted(urls ...string) string {
	shown := make([]string, len(urls))
	for i, text := range urls {
		u, err := parse(text)
		if err != nil {
			shown[i] = "a URL that is none"
			continue
		}
		if u.User != nil {
			u.User = url.User("xxxxx")
		}
		shown[i] = u.String()
	}
	return strings.Join(shown, ", ")
}

// Await waits until there is a connection, or the context is done.
func Await(ctx context.Context, c *nats.Conn) error {
	if c.IsConnected() {
		return nil
	}
	changed := c.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer c.RemoveStatusListener(changed)
	for !c.IsConnected() {
		if c.IsClosed() {
			return nats.ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("no connection to NATS at %s: %w", Redacted(c.Servers()...), ctx.Err())
		}
	}
	return nil
}
