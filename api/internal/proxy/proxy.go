// Package proxy passes requests on to services that speak HTTP.
package proxy

import (
	"context"
	stderrors "errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/exchange"
	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/drain"
	"github.com/justcy/go-micro/v4/internal/urlpath"
)

const (
	// dialTimeout bounds connecting to a node.
	dialTimeout = 5 * time.Second
	// tries is how many nodes are tried that refuse the connection.
	tries = 3
	// idleConns is how many idle connections to a node are kept, and idleTimeout
	// for how long.
	idleConns   = 64
	idleTimeout = 30 * time.Second
)

// New returns a handler that passes requests on to a node of their route, with
// their path, query and Host, upgrades of the connection included.
func New(kind string, o handler.Options) handler.Handler {
	p := &proxy{kind: kind, router: o.Router}
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		MaxIdleConnsPerHost: idleConns,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true, // bodies pass as they are
	}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:       rewrite,
		Transport:     &retrying{next: transport},
		FlushInterval: -1, // events are not held back
		ErrorHandler:  refuse,
		ErrorLog:      log.New(io.Discard, "", 0), // the client is told
	}
	p.limit, p.close = o.MaxRecvSize, transport.CloseIdleConnections
	return p
}

type proxy struct {
	kind    string
	router  router.Router
	limit   int64
	reverse *httputil.ReverseProxy
	close   func()
}

func (p *proxy) String() string { return p.kind }

// Close closes idle connections. The handler works on.
func (p *proxy) Close() error {
	p.close()
	return nil
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !urlpath.Safe(r.URL.Path) {
		exchange.WriteError(w, r, exchange.RouteError(resolver.ErrInvalidPath), nil)
		return
	}
	route, failure, cause := exchange.Route(r, p.router)
	if failure != nil {
		exchange.WriteError(w, r, failure, cause)
		return
	}
	if r.ContentLength > p.limit {
		exchange.WriteError(w, r, exchange.TooLarge(p.limit), nil)
		return
	}
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), routeKey{}, route))
	defer cancel()
	if exchange.Lasts(r) { // and would keep the server from stopping
		defer afterDrain(ctx, cancel)()
	}
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = exchange.Limited(w, r, p.limit)
	}
	p.reverse.ServeHTTP(exchange.Pace(w), r)
}

// afterDrain cancels when the server begins to stop. What it returns ends that.
func afterDrain(ctx context.Context, cancel context.CancelFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-drain.Of(ctx):
			cancel()
		case <-ctx.Done():
		}
	}()
	return func() { cancel(); <-done }
}

type routeKey struct{}

// rewrite makes the request to the node, whose address the transport adds.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery // as it is: nothing here has read it
	r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	r.SetXForwarded()
	exchange.StripInternal(r.Out.Header)
}

// retrying sends a request to a node of its route, and to another one when that
// cannot be reached.
type retrying struct {
	next http.RoundTripper
}

func (t *retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	route, _ := r.Context().Value(routeKey{}).(*router.Route)
	nodes, err := exchange.Shuffled(route)
	if err != nil {
		return nil, err
	}
	for i, node := range nodes[:min(tries, len(nodes))] {
		attempt := r.Clone(r.Context())
		attempt.URL.Host = node.Address
		if r.Body != nil && r.Body != http.NoBody {
			attempt.Body = unclosed{r.Body} // unread when the node cannot be reached
		}
		var rsp *http.Response
		if rsp, err = t.next.RoundTrip(attempt); err == nil || !refused(err) || i == tries-1 {
			return rsp, err
		}
	}
	return nil, err
}

// unclosed is a body that its server closes.
type unclosed struct{ io.Reader }

func (unclosed) Close() error { return nil }

// refused reports whether a request has not left because there was no connection.
func refused(err error) bool {
	var op *net.OpError
	return stderrors.As(err, &op) && op.Op == "dial"
}

// refuse answers a request that no node has answered.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	exchange.WriteError(w, r, answer(r, err), nil)
}

func answer(r *http.Request, err error) *errors.Error {
	var large *http.MaxBytesError
	switch {
	case stderrors.Is(err, exchange.ErrNoNode):
		return exchange.NoNode()
	case stderrors.As(err, &large), !refused(err) && stderrors.Is(err, os.ErrDeadlineExceeded):
		return exchange.BodyError(err)
	case r.Context().Err() != nil:
		return exchange.Gone()
	}
	return exchange.BadGateway(err)
}
