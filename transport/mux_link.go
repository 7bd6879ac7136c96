package transport

import (
	"crypto/tls"
	"net"
	"slices"
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
	// crowded is how many sockets each link has when a further one is worth its
	// connection.
	crowded = 16
	// maxPlain is how many such addresses are remembered.
	maxPlain = 4096
)

// links are the multiplexed connections that a transport dialled.
type links struct {
	mu     sync.Mutex
	groups map[linkKey]*linkGroup // guarded by mu
	plain  map[linkKey]time.Time  // guarded by mu: until when not to ask

	// calls are the links on which calls are made, by address: *callLinks. It is
	// written under mu.
	calls sync.Map
}

// linkGroup are the links that serve one key.
type linkGroup struct {
	links   []*link
	dialing int       // further ones on their way
	retry   time.Time // when to try again, after a further one failed
}

// callLinks are the links to an address under the options in force. They never
// change.
type callLinks struct {
	opts  *Options
	links []*link
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
	// surplus says that there were enough links to the same address. What uses
	// this one dials anew as soon as it can.
	surplus atomic.Bool
}

// newLink makes a connection a link. Opened is what the exchange costs that was
// opened with the offer.
func newLink(conn net.Conn, o *Options, opened int) *link {
	return &link{
		conn: mux.New(mux.Config{
			Conn: conn, Opened: opened, MaxMessage: o.maxMessageSize(), MaxBuffered: o.MaxConnBytes,
			SendLimit: o.Timeout, RecvLimit: o.Timeout, Ping: o.pingInterval(), Idle: linkIdle,
		}),
		local: conn.LocalAddr().String(), remote: conn.RemoteAddr().String(),
		opts: o, timeout: o.Timeout,
	}
}

// find returns the link for key that takes sockets and has the fewest, nil if there
// is none, and whether the address is known to be plain. Wider is not nil when one
// more is wanted, as each of those there has many sockets; then widened has to
// follow.
func (ls *links) find(key linkKey, connections int) (l *link, plain bool, wider *linkGroup) {
	now := time.Now()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if until, ok := ls.plain[key]; ok {
		if plain = now.Before(until); !plain {
			delete(ls.plain, key)
		}
	}
	g := ls.groups[key]
	if g == nil {
		return nil, plain, nil
	}
	least := 0
	for _, other := range g.links {
		if n := other.conn.Sockets(); other.conn.Lasting() && (l == nil || n < least) {
			l, least = other, n
		}
	}
	if least >= crowded && len(g.links)+g.dialing < connections && now.After(g.retry) {
		g.dialing++
		wider = g
	}
	return l, plain, wider
}

// widened notes how dialling a further link ended.
func (ls *links) widened(g *linkGroup, ok bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	g.dialing--
	if !ok {
		g.retry = time.Now().Add(plainFor)
	}
}

// adopt runs a link, and makes it one of those for key unless there are enough.
func (ls *links) adopt(key linkKey, l *link, ahead []byte) {
	ls.mu.Lock()
	g := ls.groups[key]
	if g == nil {
		g = &linkGroup{}
		if ls.groups == nil {
			ls.groups = map[linkKey]*linkGroup{}
		}
		ls.groups[key] = g
	}
	g.links = slices.DeleteFunc(slices.Clone(g.links), func(l *link) bool { return !l.conn.Usable() })
	if len(g.links) >= l.opts.connections() {
		l.surplus.Store(true)
	} else {
		g.links = append(g.links, l)
	}
	ls.calls.Delete(key.addr)
	delete(ls.plain, key)
	ls.mu.Unlock()
	go func() { // it ends with the connection
		l.conn.Run(ahead) //nolint:errcheck // the sockets tell their users
		ls.remove(key, g, l)
	}()
}

// remove takes out a link that has ended.
func (ls *links) remove(key linkKey, g *linkGroup, l *link) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	g.links = slices.DeleteFunc(slices.Clone(g.links), func(other *link) bool { return other == l })
	if len(g.links) == 0 && ls.groups[key] == g {
		delete(ls.groups, key)
	}
	ls.calls.Delete(key.addr)
}

// forCalls returns the link on which a call to addr is made, nil if there is none
// or there should be one more. Turn spreads calls over the links.
func (ls *links) forCalls(addr string, o *Options, turn uint32) *link {
	if o.DisableMux {
		return nil
	}
	var to *callLinks
	if known, ok := ls.calls.Load(addr); ok {
		to = known.(*callLinks)
	}
	if to == nil || to.opts != o {
		if to = ls.callsTo(addr, o); to == nil {
			return nil
		}
	}
	l := to.links[turn%uint32(len(to.links))]
	if !l.conn.Lasting() || len(to.links) < o.connections() && l.conn.Sockets() >= crowded {
		return nil
	}
	return l
}

// callsTo notes which links there are to addr; nil if there are none.
func (ls *links) callsTo(addr string, o *Options) *callLinks {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	g := ls.groups[newLinkKey(addr, o, &DialOptions{})]
	if g == nil || len(g.links) == 0 {
		return nil
	}
	to := &callLinks{opts: o, links: g.links}
	ls.calls.Store(addr, to)
	return to
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
	l, plain, wider := t.links.find(key, o.connections())
	if wider != nil {
		client := t.dialFurther(key, service, addr, o, dial)
		t.links.widened(wider, client != nil)
		if client != nil {
			return client, nil
		}
	}
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

// dialFurther opens a socket on a link beside those there are, whose peer speaks in
// frames. It is nil when that fails.
func (t *httpTransport) dialFurther(key linkKey, service, addr string, o *Options, dial *DialOptions) Client {
	conn, err := t.dialHTTP(service, addr, o, dial, true)
	if err != nil {
		return nil
	}
	if secured, ok := conn.(*tls.Conn); ok && secured.ConnectionState().NegotiatedProtocol != mux.Protocol {
		conn.Close()
		return nil
	}
	client, err := t.startLink(key, conn, o, dial)
	if err != nil {
		return nil
	}
	return client
}

// startLink starts a link on a connection that was made for it.
func (t *httpTransport) startLink(key linkKey, conn net.Conn, o *Options, dial *DialOptions) (Client, error) {
	if err := sendPreface(conn, o); err != nil {
		conn.Close()
		return nil, wire.NotSent(err)
	}
	l := newLink(conn, o, 0)
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
