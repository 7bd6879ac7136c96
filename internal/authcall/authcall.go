// Package authcall is the client that says who is calling: the part of
// wrapper.AuthCall that every service has around its client. It is apart from the
// rest of package util/wrapper so that a service without accounts links no more.
package authcall

import (
	"context"
	"io"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Header is where requests carry a token.
const Header = "Authorization"

// Token tells the access token to send for an Auth with these options, "" for
// none.
type Token func(ctx context.Context, a auth.Auth, o *auth.Options) string

// ReceivedKey is where a context has, as a string, the header that a request
// came with, which is not to be passed on.
type ReceivedKey struct{}

// CallerKey is where a context says, by any value, that a call is made for somebody
// outside: it carries the token of that one or none, and not that of the service,
// who would lend its name to others.
type CallerKey struct{}

// New returns a client that sends what token tells; with nil, the token in the
// options of the Auth as long as it is valid.
func New(a func() auth.Auth, token Token, c client.Client) client.Client {
	return &authenticated{c, a, token}
}

type authenticated struct {
	client.Client
	auth  func() auth.Auth
	token Token
}

// Close closes the client within, if it can be closed.
func (a *authenticated) Close() error {
	if c, ok := a.Client.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (a *authenticated) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	return a.Client.Call(a.authenticate(ctx, ownToken(opts)), req, rsp, opts...)
}

func (a *authenticated) Stream(ctx context.Context, req client.Request, opts ...client.CallOption) (client.Stream, error) {
	return a.Client.Stream(a.authenticate(ctx, ownToken(opts)), req, opts...)
}

func (a *authenticated) Publish(ctx context.Context, msg client.Message, opts ...client.PublishOption) error {
	return a.Client.Publish(a.authenticate(ctx, false), msg, opts...)
}

// ownToken reports whether a call asks for the service's token.
func ownToken(opts []client.CallOption) bool {
	if len(opts) == 0 {
		return false // most calls, which this spares an allocation
	}
	options := options.Of(opts)
	return options.ServiceToken
}

func (a *authenticated) authenticate(ctx context.Context, ownToken bool) context.Context {
	if ctx == nil { // to be refused
		return ctx
	}
	header, given := metadata.Get(ctx, Header)
	received := given && ctx.Value(ReceivedKey{}) == header
	if !ownToken && (given && !received || ctx.Value(CallerKey{}) != nil) {
		return ctx
	}
	var current auth.Auth
	if a.auth != nil {
		current = a.auth()
	}
	token := ""
	if current != nil {
		o := current.Options()
		if _, ok := metadata.Get(ctx, headers.Namespace); !ok && o.Namespace != "" {
			ctx = metadata.Set(ctx, headers.Namespace, o.Namespace)
		}
		if token = Usable(o.Token); a.token != nil {
			passed := o // for o to stay off the heap
			token = a.token(ctx, current, &passed)
		}
	}
	switch {
	case token != "":
		return metadata.Set(ctx, Header, auth.BearerScheme+token)
	case received:
		return metadata.Delete(ctx, Header)
	}
	return ctx
}

// Usable is the access token of a token that has not expired.
func Usable(t *auth.Token) string {
	if t == nil || t.Expired() {
		return ""
	}
	return t.AccessToken
}
