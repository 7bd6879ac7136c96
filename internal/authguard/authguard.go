// Package authguard links what puts an Auth to use into a program.
package authguard

import (
	"context"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/authwire"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// Link makes the guard known to services.
func Link() {
	authwire.Linked.CompareAndSwap(nil, &authwire.Guard{Client: wrapper.AuthCall, Server: serverOptions})
}

func serverOptions(a func() auth.Auth, rules func() auth.Rules) []server.Option {
	return []server.Option{
		server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			return func(ctx context.Context, req server.Request, rsp any) error {
				if takesEverybody(a()) {
					return next(ctx, req, rsp)
				}
				return wrapper.AuthHandler(a, rules())(next)(ctx, req, rsp)
			}
		}),
		server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
			return func(ctx context.Context, m server.Message) error {
				if takesEverybody(a()) {
					return next(ctx, m)
				}
				return wrapper.AuthSubscriber(a, rules())(next)(ctx, m)
			}
		}),
	}
}

// takesEverybody reports whether nobody need be verified. Without an Auth everybody is
// refused.
func takesEverybody(a auth.Auth) bool { return a != nil && a.String() == auth.Noop }
