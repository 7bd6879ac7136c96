// Package nats is a transport over NATS: servers listen on subjects, and calls and
// streams travel through the NATS servers, so that only these need to be reachable.
//
//	t := nats.NewTransport(transport.Addrs("nats://10.0.0.1:4222"))
//	service := micro.NewService(micro.Name("greeter"), micro.Transport(t))
//
// An address to listen on is a subject. One that ends in the port 0, as the server's
// default does, stands for a new subject of its own. The messages of a client go to
// that subject, with the client's inbox as the subject to reply to, and are encoded
// as JSON unless [transport.Codec] says otherwise: processes of go-micro v4 take
// part. A message must fit the max_payload of the NATS servers, 1 MiB unless they
// are configured otherwise, in which JSON makes a body a third larger.
//
// Sockets between processes of this module tell each other, in NATS headers, that
// they are closed, refused or about to end; go-micro v4 knows no such thing, and its
// sockets end when they are silent.
//
// [transport.Timeout] is how long a Recv waits while nothing passes in either
// direction, DefaultTimeout if it is not set. Without a limit, set by Timeout(0),
// a client waits for ten seconds, and a listening end for
// [transport.IdleTimeout], or DefaultTimeout. There is no flow control in NATS: a
// Send does not wait for the other end to receive, and a socket whose reader is 32
// MiB behind ends with an error. Messages that are on their way when a connection
// breaks are lost, and calls then end with their deadline.
package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func init() { cmd.DefaultTransports["nats"] = NewTransport }

// natsTransport has one connection for all its sockets, for as long as there are any.
type natsTransport struct {
	options *options.Current[transport.Options]

	dialling chan struct{} // has an element while somebody connects
	mu       sync.Mutex
	conn     *sharedConn // what the next socket uses; nil when there is none
}

// NewTransport returns a transport that connects when it is used, to the addresses
// of transport.Addrs or nats://127.0.0.1:4222.
func NewTransport(opts ...transport.Option) transport.Transport {
	o := transport.Options{Timeout: DefaultTimeout, Context: context.Background(), Logger: logger.DefaultLogger}
	options.To(&o, opts)
	return &natsTransport{options: options.New(o), dialling: make(chan struct{}, 1)}
}

func (t *natsTransport) String() string { return "nats" }

// Init applies options to what is dialled and listened on afterwards.
func (t *natsTransport) Init(opts ...transport.Option) error {
	options.Apply(t.options, opts)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = nil // its sockets keep it
	return nil
}

func (t *natsTransport) Options() transport.Options {
	o := t.options.Get()
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// use returns the connection, with one more user.
func (t *natsTransport) use(ctx context.Context, o *transport.Options, d *transport.DialOptions) (*sharedConn, error) {
	if c := t.shared(); c != nil {
		if err := natsclient.Await(ctx, c.Conn); err != nil {
			c.release()
			return nil, err
		}
		return c, nil
	}
	select {
	case t.dialling <- struct{}{}:
		defer func() { <-t.dialling }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := t.shared(); c != nil {
		return c, nil
	}
	type result struct {
		conn *nats.Conn
		err  error
	}
	dialled := make(chan result, 1)
	go func() {
		conn, err := connection(o, d.Timeout).Connect()
		dialled <- result{conn, err}
	}()
	select {
	case r := <-dialled:
		if r.err != nil {
			return nil, r.err
		}
		c, err := t.share(r.conn)
		if err != nil {
			r.conn.Close()
			return nil, err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.conn = c
		return c, nil
	case <-ctx.Done():
		go func() { // it ends with its own time limit
			if r := <-dialled; r.err == nil {
				r.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// shared returns the connection there is, with one more user, or nil.
func (t *natsTransport) shared() *sharedConn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil || t.conn.IsClosed() {
		return nil
	}
	t.conn.users++
	return t.conn
}

// checkAddress refuses what is no subject to listen on.
func checkAddress(addr string) error {
	switch {
	case addr == "":
		return errors.New("addr (nats subject) must not be empty")
	case strings.ContainsAny(addr, " \t\r\n"):
		return errors.New("addr (nats subject) must not contain space characters")
	}
	return natsclient.CheckSubject(addr)
}

// Dial makes a socket to the subject that a server listens on. It does not ask
// whether one does: when none does, the first Recv fails, with an error that wraps
// transport.ErrNotSent.
func (t *natsTransport) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	o := t.options.Get()
	d := transport.DialOptions{Timeout: transport.DefaultDialTimeout}
	options.To(&d, opts)
	ctx := d.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	c, err := t.dial(ctx, addr, &o, &d)
	if err != nil {
		return nil, notSent{fmt.Errorf("dial %s: %w", addr, err)}
	}
	return c, nil
}

func (t *natsTransport) dial(ctx context.Context, addr string, o *transport.Options, d *transport.DialOptions) (*client, error) {
	if err := checkAddress(addr); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	conn, err := t.use(ctx, o, d)
	if err != nil {
		return nil, err
	}
	return newClient(conn, addr, o), nil
}

// notSent marks an error after which the peer has executed nothing.
type notSent struct{ cause error }

func (e notSent) Error() string   { return e.cause.Error() }
func (e notSent) Unwrap() []error { return []error{transport.ErrNotSent, e.cause} }
