// Package httppost sends HTTP/1.1 POST requests on connections that are kept
// for further ones. It is for short replies of known peers: a reply is read up
// to a limit, redirects are not followed, bodies are not decompressed.
package httppost

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/internal/dial"
)

// Client sends requests. Its fields must not change once it is in use; its
// methods may be called concurrently.
type Client struct {
	// TLS is for secure requests, by clone. Nil: see dial.TLSConfig.
	TLS *tls.Config
	// TLSTo, if it is set, supplies the configuration for a connection to an
	// address in place of TLS.
	TLSTo func(addr string) (*tls.Config, error)
	// MaxReply is how many bytes of a reply's body are read.
	MaxReply int
	// DialTimeout and HandshakeTimeout limit the connecting, to a proxy too,
	// and the TLS handshake.
	DialTimeout, HandshakeTimeout time.Duration
	// MaxIdle limits the connections kept, MaxIdlePerAddr those to one address,
	// with and without TLS each, and IdleTimeout how long one is kept without a
	// request. Zero: none is kept.
	MaxIdle, MaxIdlePerAddr int
	IdleTimeout             time.Duration

	idle pool
}

// Request is a POST.
type Request struct {
	// Addr is the host and port to connect to, and the Host header.
	Addr string
	// Secure asks for TLS.
	Secure bool
	// Target is the path and query, escaped.
	Target string
	// ContentType is the header of this name.
	ContentType string
	// Body is not written to and not kept.
	Body []byte
}

// Response is the reply to a request.
type Response struct {
	// Status is the code, Reason the code and its text: "404 Not Found".
	Status int
	Reason string
	// Header holds the headers by canonical name, the first value of each.
	Header map[string]string
	// Body is what arrived of the body, as far as Client.MaxReply.
	Body []byte
	// Err tells why the body broke off before its end, or before MaxReply.
	Err error
}

// Post sends a request and waits for the reply, until ctx ends. An error means
// that no head of a reply arrived; sent then reports whether the whole of the
// request had been written, without which the peer cannot have acted on it.
//
// A connection that was kept and turns out to be broken before the whole
// request was written is replaced by a new one.
func (c *Client) Post(ctx context.Context, r *Request) (resp *Response, sent bool, err error) {
	to := peer{r.Addr, r.Secure}
	if conn := c.idle.take(to, c.IdleTimeout); conn != nil {
		resp, sent, err = c.exchange(ctx, conn, r)
		if err == nil {
			return resp, true, nil
		}
		c.idle.drop(to) // its process may be gone
		if sent || ctx.Err() != nil {
			return nil, sent, err
		}
	}
	conn, err := c.dial(ctx, to)
	if err != nil {
		return nil, false, err
	}
	return c.exchange(ctx, conn, r)
}

// CloseIdle closes the connections that are kept.
func (c *Client) CloseIdle() { c.idle.empty(false) }

// Close closes the connections that are kept, and those in use after their
// exchange.
func (c *Client) Close() { c.idle.empty(true) }

func (c *Client) dial(ctx context.Context, to peer) (*conn, error) {
	dialing, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	if !to.secure {
		raw, via, err := dial.HTTP(dialing, to.addr)
		if err != nil {
			return nil, err
		}
		return c.newConn(to, raw, raw, via), nil
	}
	config := c.TLS
	if c.TLSTo != nil {
		var err error
		if config, err = c.TLSTo(to.addr); err != nil {
			return nil, err
		}
	}
	raw, err := dial.TCP(dialing, to.addr)
	if err != nil {
		return nil, err
	}
	securing, cancel := context.WithTimeout(ctx, c.HandshakeTimeout)
	defer cancel()
	secured, err := dial.TLS(securing, raw, dial.TLSConfig(config, to.addr, "http/1.1"), to.addr)
	if err != nil {
		return nil, err
	}
	return c.newConn(to, secured, raw, nil), nil
}

// exchange sends a request on a connection and keeps or closes it.
func (c *Client) exchange(ctx context.Context, conn *conn, r *Request) (*Response, bool, error) {
	conn.interrupting.Add(1)
	stop := context.AfterFunc(ctx, conn.interrupt)
	resp, sent, err := conn.exchange(r)
	if !stop() {
		conn.interrupting.Wait()
		return resp, sent, interrupted(ctx, resp, err)
	}
	conn.interrupting.Done()
	switch {
	case err != nil:
		conn.raw.Close() // TLS would wait to say good-bye
		return nil, sent, fmt.Errorf("post to %s: %w", r.Addr, err)
	case conn.reusable(sent):
		c.idle.put(conn, c)
	default:
		conn.Close()
	}
	return resp, true, nil
}

// interrupted puts the reason why a connection was closed in place of the
// errors that this led to.
func interrupted(ctx context.Context, resp *Response, err error) error {
	cause := context.Cause(ctx)
	if resp != nil && resp.Err != nil {
		resp.Err = cause
	}
	if err != nil {
		return cause
	}
	return nil
}
