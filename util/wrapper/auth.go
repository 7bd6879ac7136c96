package wrapper

import (
	"context"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// AuthCall returns a client that authenticates calls, streams and events with
// the token of the service's Auth, and says in which namespace it is. The Auth
// is asked for anew each time, so that it may be replaced.
//
// A context that has an Authorization of its own keeps it, unless the call was
// made with client.WithServiceToken. Without an Auth or a valid token nothing is
// added: it is for the other side to refuse.
func AuthCall(a func() auth.Auth, c client.Client) client.Client {
	return &authenticated{around{c}, a}
}

type authenticated struct {
	around
	auth func() auth.Auth
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
	if _, ok := metadata.Get(ctx, authorizationHeader); ok && !ownToken {
		return ctx
	}
	if a.auth == nil {
		return ctx
	}
	current := a.auth()
	if current == nil {
		return ctx
	}
	options := current.Options()
	ctx = setMissing(ctx, headers.Namespace, options.Namespace)
	if options.Token == nil || options.Token.Expired() {
		return ctx
	}
	return metadata.Set(ctx, authorizationHeader, auth.BearerScheme+options.Token.AccessToken)
}
