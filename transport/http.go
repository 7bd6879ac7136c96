package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/wire"
	mnet "github.com/justcy/go-micro/v4/util/net"
)

// httpTransport is the default transport; see NewHTTPTransport.
type httpTransport struct {
	settings settings
	links    links
	turn     atomic.Uint32 // of what makes calls; see links.forCalls
	insecure sync.Once     // the warning that nobody is verified
}

// NewHTTPTransport returns the transport named "http". Each message is one
// HTTP/1.1 message on a persistent connection: a POST of path "/" from the end
// that dialled, a 200 from the end that listened, with the message's headers
// and body. Its listeners accept every path and method, HTTP/2 without TLS
// (each Recv is then a piece of the body), and the extra handlers of
// Options.Context. Dials honour HTTPS_PROXY and NO_PROXY.
//
// Other HTTP clients are answered as they expect. The reply to a HEAD has no
// body. A GET or HEAD of a path but "/" without a header whose name begins with
// Micro- or X-Micro- is no message: it is answered with a 404. A reply with the
// pseudo header ":status" (headers.Status) has that status. Where there are
// extra handlers, a connection ends with the reply to a message without such a
// header, so that the next request of its client can reach a handler.
//
// Connections on which no request is served, HTTP/2 requests that are reset at once and
// frames that ask for nothing may take about a tenth of the processors' time. Beyond it
// a listener accepts new connections more slowly, and HTTP/2 connections that make
// such work are ended (ENHANCE_YOUR_CALM). Handshakes of TLS are not counted.
//
// Between two transports of this kind the sockets share one connection: the
// first request on a connection offers to switch to frames (Upgrade:
// micro-mux/2, or ALPN under TLS), and when the peer agrees, further Dials of
// the address open sockets on it. A socket means the same either way. A
// connection without a socket is closed after a few seconds. DisableMux turns
// this off for a transport, WithConnClose for a Dial.
//
// What frames the HTTP messages is not part of the messages carried: Host,
// Content-Length, Transfer-Encoding, Trailer, Expect and Upgrade are neither
// sent from nor all delivered in a Message's header.
func NewHTTPTransport(opts ...Option) *httpTransport {
	t := &httpTransport{}
	t.settings.init(opts)
	return t
}

// Init applies options to what is dialled and listened on afterwards.
func (t *httpTransport) Init(opts ...Option) error {
	t.settings.init(opts)
	return nil
}

// Options returns the options in force.
func (t *httpTransport) Options() Options { return t.settings.get() }

// String returns "http".
func (t *httpTransport) String() string { return "http" }

// Dial connects to addr, through the proxy of the environment if there is one,
// or opens a socket on a connection to it that stands already.
func (t *httpTransport) Dial(addr string, opts ...DialOption) (Client, error) {
	o, dial := t.settings.get(), newDialOptions(opts)
	if o.DisableMux || dial.ConnClose {
		service, addr := splitService(addr)
		conn, err := t.dialHTTP(service, addr, &o, &dial, false)
		if err != nil {
			return nil, wire.NotSent(err)
		}
		return newHTTPClient(conn, addr, &o, &dial), nil
	}
	if err := context.Cause(dial.Context); err != nil {
		return nil, wire.NotSent(err)
	}
	return t.dialLink(addr, &o, &dial)
}

// Listen reserves addr.
func (t *httpTransport) Listen(addr string, opts ...ListenOption) (Listener, error) {
	o, listen := t.settings.get(), newListenOptions(opts)
	if l, ok := netListener(listen); ok {
		return newHTTPListener(l, nil, o), nil
	}
	var config *tls.Config
	if o.secure() {
		var err error
		if config, err = serverTLS(&o, addr, listen.Service); err != nil {
			return nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
	}
	l, err := mnet.Listen(addr, func(addr string) (net.Listener, error) {
		return net.Listen("tcp", addr)
	})
	if err != nil {
		return nil, err
	}
	return newHTTPListener(l, config, o), nil
}
