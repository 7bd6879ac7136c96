package httpserve

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/justcy/go-micro/v4/internal/flood"
	"github.com/justcy/go-micro/v4/internal/handover"
	"github.com/justcy/go-micro/v4/logger"
)

// h2 is the name of HTTP/2 over TLS (RFC 9113, section 3.1).
const h2 = "h2"

// secureConn is an HTTP/2 connection over TLS that was handed over. net/http takes it
// for one without TLS.
type secureConn struct {
	*handover.Conn
	tls *tls.Conn
	ctx context.Context
}

// followSecure has HTTP/2 over TLS followed. net/http serves it only over a tls.Conn,
// which shows nobody the frames. So the server is handed what is within, as
// connections of another listener: one server serves both, with its limits, its hooks
// and its end. It must be called when the server has set up what it serves, before
// it accepts.
func (r *Run) followSecure() {
	unfollowed := r.server.TLSNextProto[h2]
	if unfollowed == nil {
		return // it was turned off for the whole program
	}
	r.server.TLSNextProto[h2] = func(s *http.Server, c *tls.Conn, h http.Handler) {
		state := c.ConnectionState()
		conn, ok := h.(interface{ BaseContext() context.Context })
		if !ok || visitOf(conn.BaseContext()) == nil || !allowsHTTP2(state) {
			unfollowed(s, c, h)
			return
		}
		select {
		case <-r.handed.Closed(): // it knows best how to say good-bye
			unfollowed(s, c, h)
			return
		default:
		}
		r.hand(c, conn.BaseContext(), &state)
	}
	r.serving.Go(func() {
		if err := r.server.Serve(r.handed); !errors.Is(err, http.ErrServerClosed) {
			r.log.Logf(logger.ErrorLevel, "%s: serve HTTP/2 over TLS: %v", r.name, err)
		}
	})
}

// hand hands over a connection and waits for its end.
func (r *Run) hand(c *tls.Conn, ctx context.Context, state *tls.ConnectionState) {
	v := visitOf(ctx)
	v.tls = state
	v.served.Store(true) // which is for the followed connection to find out
	followed := flood.NewConn(c, r.floods, r.handed.Closed())
	// Once the preface is there, net/http goes by limits of its own.
	c.SetReadDeadline(time.Now().Add(headerTimeout)) //nolint:errcheck // a closed connection fails the read
	ahead := make([]byte, readAhead)
	n, err := io.ReadAtLeast(followed, ahead, len(preface))
	if err != nil || !begins(ahead[:n]) { // as HTTP/1.1, which is not what was agreed on
		followed.Close() //nolint:errcheck // there is nobody to tell
		return
	}
	if !r.handed.Serve(&secureConn{handover.NewConn(followed, ahead[:n]), c, ctx}) {
		followed.Write(flood.GoAway(false, 0, 0)) //nolint:errcheck // it has come too late: nothing was served, and there is no error
		followed.Close()                          //nolint:errcheck // it ends either way
	}
}

// allowsHTTP2 reports whether HTTP/2 may be spoken over a connection (RFC 9113,
// section 9.2): over TLS 1.3, or over TLS 1.2 with keys that are not used again.
func allowsHTTP2(s tls.ConnectionState) bool {
	switch s.CipherSuite {
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return true
	}
	return s.Version >= tls.VersionTLS13
}
