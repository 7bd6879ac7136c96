package transport

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

const (
	// linkIdle is how long the end that dialled keeps a multiplexed connection
	// without a socket.
	linkIdle = 2 * time.Second
	// acceptedIdle is how long the end that accepted does, if Options say
	// nothing else.
	acceptedIdle = 2 * time.Minute
	// plainFor is how long an address that did not take the offer of a
	// multiplexed connection is not asked again.
	plainFor = 5 * time.Minute
	// maxPlain is how many such addresses are remembered.
	maxPlain = 4096
)

// links are the multiplexed connections that a transport dialled.
type links struct {
	mu    sync.Mutex
	open  map[linkKey]*link     // guarded by mu
	plain map[linkKey]time.Time // guarded by mu: until when not to ask

	calls sync.Map // by address, the *link on which calls are made
}

// linkKey is what two Dials have in common whose sockets may share a
// connection.
type linkKey struct {
	addr             string // with the service, if that is verified
	secure, insecure bool
	tls              *tls.Config
	identity         mtls.Source
	maxBody          int
	timeout, ping    time.Duration
}

func newLinkKey(addr string, o *Options, dial *DialOptions) linkKey {
	return linkKey{
		addr: addr, secure: o.secure(), insecure: dial.InsecureSkipVerify, tls: o.TLSConfig, identity: o.Identity,
		maxBody: o.maxMessageSize(), timeout: o.Timeout, ping: o.PingInterval,
	}
}

// link is a multiplexed connection that this end dialled.
type link struct {
	conn          *mux.Conn
	local, remote string
	opts          *Options // in force when it was dialled
	timeout       time.Duration
	// surplus says that another link to the same address was first. What uses
	// this one dials anew as soon as it can.
	surplus atomic.Bool
}

func newLink(conn net.Conn, o *Options) *link {
	return &link{
		conn: mux.New(mux.Config{
			Conn: conn, MaxMessage: o.maxMessageSize(), MaxBuffered: o.MaxConnBytes,
			SendLimit: o.Timeout, RecvLimit: o.Timeout, Ping: o.pingInterval(), Idle: linkIdle,
		}),
		local: conn.LocalAddr().String(), remote: conn.RemoteAddr().String(),
		opts: o, timeout: o.Timeout,
	}
}

// find returns the link for key, if there is one that takes sockets, and
// whether the address is known to be plain.
func (ls *links) find(key linkKey) (l *link, plain bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if until, ok := ls.plain[key]; ok {
		if plain = time.Now().Before(until); !plain {
			delete(ls.plain, key)
		}
	}
	return ls.open[key], plain
}

// adopt runs a link, and makes it the one for key unless there is one.
func (ls *links) adopt(key linkKey, l *link, ahead []byte) {
	ls.mu.Lock()
	if first := ls.open[key]; first != nil && first.conn.Usable() {
		l.surplus.Store(true)
	} else {
		if ls.open == nil {
			ls.open = map[linkKey]*link{}
		}
		ls.open[key] = l
	}
	delete(ls.plain, key)
	ls.mu.Unlock()
	go func() { // it ends with the connection
		l.conn.Run(ahead) //nolint:errcheck // the sockets tell their users
		ls.mu.Lock()
		defer ls.mu.Unlock()
		if ls.open[key] == l {
			delete(ls.open, key)
		}
		ls.calls.CompareAndDelete(key.addr, l)
	}()
}

// isPlain remembers that the peer did not take the offer.
func (ls *links) isPlain(key linkKey) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.plain == nil || len(ls.plain) >= maxPlain {
		ls.plain = map[linkKey]time.Time{}
	}
	ls.plain[key] = time.Now().Add(plainFor)
}

// dialLink opens a socket on the link to addr, or makes a connection that may
// become one.
func (t *httpTransport) dialLink(addr string, o *Options, dial *DialOptions) (Client, error) {
	key := newLinkKey(addr, o, dial)
	service, addr := splitService(addr)
	l, plain := t.links.find(key)
	if l != nil {
		if s, err := l.conn.Open(); err == nil {
			return newMuxClient(l, s, dial), nil
		}
	}
	conn, err := t.dialHTTP(service, addr, o, dial, true)
	if err != nil {
		return nil, wire.NotSent(err)
	}
	if secured, ok := conn.(*tls.Conn); ok {
		if secured.ConnectionState().NegotiatedProtocol == mux.Protocol {
			return t.startLink(key, conn, o, dial)
		}
		plain = true // ALPN was the offer
	}
	client := newHTTPClient(conn, addr, o, dial)
	if plain {
		return client, nil
	}
	return newOffer(client, &t.links, key, o, dial), nil
}

// startLink starts a link on a connection that was made for it.
func (t *httpTransport) startLink(key linkKey, conn net.Conn, o *Options, dial *DialOptions) (Client, error) {
	if err := sendPreface(conn, o); err != nil {
		conn.Close()
		return nil, wire.NotSent(err)
	}
	l := newLink(conn, o)
	s, err := l.conn.Open()
	t.links.adopt(key, l, nil)
	if err != nil {
		return nil, wire.NotSent(err)
	}
	return newMuxClient(l, s, dial), nil
}

// sendPreface begins to speak in frames.
func sendPreface(conn net.Conn, o *Options) error {
	conn.SetWriteDeadline(time.Now().Add(o.handshakeTimeout())) //nolint:errcheck // a closed connection fails the write
	if _, err := conn.Write([]byte(mux.Preface)); err != nil {
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// pingInterval is the interval in force.
func (o *Options) pingInterval() time.Duration {
	if o.PingInterval == 0 {
		return DefaultPingInterval
	}
	return o.PingInterval
}
