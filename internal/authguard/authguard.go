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
	handler := wrapper.AuthHandler(a, current(rules))
	subscriber := wrapper.AuthSubscriber(a, current(rules))
	return []server.Option{
		server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			guarded := handler(next)
			return func(ctx context.Context, req server.Request, rsp any) error {
				if takesEverybody(a()) {
					return next(ctx, req, rsp)
				}
				return guarded(ctx, req, rsp)
			}
		}),
		server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
			guarded := subscriber(next)
			return func(ctx context.Context, m server.Message) error {
				if takesEverybody(a()) {
					return next(ctx, m)
				}
				return guarded(ctx, m)
			}
		}),
	}
}

func takesEverybody(a auth.Auth) bool { return a == nil || a.String() == auth.Noop }

// current are the rules of the moment. While there are none any account may enter.
type current func() auth.Rules

func (c current) Verify(acc *auth.Account, res *auth.Resource, opts ...auth.VerifyOption) error {
	if rules := c(); rules != nil {
		return rules.Verify(acc, res, opts...)
	}
	if acc == nil {
		return auth.ErrForbidden
	}
	return nil
}

func (c current) List(opts ...auth.ListOption) ([]*auth.Rule, error) {
	if rules := c(); rules != nil {
		return rules.List(opts...)
	}
	return nil, nil
}

// Grant and Revoke complete the interface: guards do not change rules.
func (current) Grant(*auth.Rule) error  { return auth.ErrForbidden }
func (current) Revoke(*auth.Rule) error { return auth.ErrForbidden }
