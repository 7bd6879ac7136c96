package wrapper

import (
	"context"
	stderrors "errors"
	"strings"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/authcall"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

// guardID is the id of the errors with which callers are refused.
const guardID = "go.micro.auth"

// AuthHandler returns a wrapper that lets through who may call an endpoint, with
// the account in the context, where auth.AccountFromContext finds it. It covers
// calls and streams.
//
// The rules are asked about the resource of type "service" that has the name of
// the service and the endpoint. Without rules any valid account may enter. Rules
// that a handler declared with server.EndpointRules count as if they were among
// the others. A caller without a token, or with one that the Auth does not take,
// gets an *errors.Error with code 401, one that the rules keep out 403; what a
// public rule covers needs no token.
//
// The Auth is asked for anew each time. Without one, nobody has an account; one
// that takes everybody for somebody, as the built-in "noop" does, is not asked for
// a token.
func AuthHandler(a func() auth.Auth, rules auth.Rules) server.HandlerWrapper {
	return func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			res, declared := server.EndpointAccess(ctx, req)
			if res.Endpoint == "" { // a router may find one in the body
				return errors.Forbidden(guardID, "%s: the headers name no endpoint", name(res))
			}
			ctx, err := admit(ctx, a, rules, res, declared)
			if err != nil {
				return err
			}
			return next(ctx, req, rsp)
		}
	}
}

// AuthSubscriber is AuthHandler for subscribers: it lets through the messages of
// those who may publish them, whether they come from the broker or straight from
// a publisher. The rules are asked about the resource of type "topic" that has
// the name of the topic; its endpoint is the name of the subscribing service.
// Rules are declared with server.SubscriberRules.
func AuthSubscriber(a func() auth.Auth, rules auth.Rules) server.SubscriberWrapper {
	return func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, msg server.Message) error {
			res, declared := server.TopicAccess(ctx, msg)
			ctx, err := admit(ctx, a, rules, res, declared)
			if err != nil {
				return err
			}
			return next(ctx, msg)
		}
	}
}

// Authorize is what AuthHandler does, for those who receive requests in another
// way: a gateway, or an HTTP handler. Authorization is the header of that name,
// which may be empty. The context returned carries the account, if there is one.
// The error is an *errors.Error with code 401, 403 or, when the rules cannot be
// asked, 500.
func Authorize(ctx context.Context, a auth.Auth, rules auth.Rules, authorization string, res *auth.Resource) (context.Context, error) {
	return authorize(ctx, a, rules, authorization, res, nil)
}

// admit authorizes what came with the metadata of ctx.
func admit(ctx context.Context, current func() auth.Auth, rules auth.Rules, res *auth.Resource, declared []*auth.Rule) (context.Context, error) {
	var a auth.Auth
	if current != nil {
		a = current()
	}
	header, _ := metadata.Get(ctx, authcall.Header)
	return authorize(ctx, a, rules, header, res, declared)
}

func authorize(ctx context.Context, a auth.Auth, rules auth.Rules, header string, res *auth.Resource, declared []*auth.Rule) (context.Context, error) {
	acc, known, err := identify(a, header)
	if err != nil {
		return ctx, refuse(ctx, a, nil, res, "the token is not valid", errors.Unauthorized)
	}
	switch err := verify(ctx, rules, declared, acc, known, res); {
	case err == nil:
	case !stderrors.Is(err, auth.ErrForbidden):
		return ctx, errors.InternalServerError(guardID, "the rules for %s cannot be verified: %v", name(res), err)
	case !known:
		return ctx, refuse(ctx, a, nil, res, "a token is needed", errors.Unauthorized)
	default:
		return ctx, refuse(ctx, a, acc, res, "no rule grants it to the account", errors.Forbidden)
	}
	ctx = context.WithValue(ctx, authcall.ReceivedKey{}, header)
	if known {
		ctx = auth.ContextWithAccount(ctx, acc)
	}
	return ctx, nil
}

// identify returns the account of an Authorization header, if it holds a token.
func identify(a auth.Auth, header string) (acc *auth.Account, known bool, err error) {
	token, ok := bearer(header)
	if a == nil || !ok && !trusts(a) {
		return nil, false, nil
	}
	if acc, err = a.Inspect(token); err == nil && acc == nil {
		err = auth.ErrInvalidToken
	}
	return acc, err == nil, err
}

// trusts reports whether an Auth takes everybody for somebody.
func trusts(a auth.Auth) bool { return a.String() == auth.Noop }

// bearer returns the token in an Authorization header. The name of the scheme may
// be in any case: RFC 9110, section 11.1.
func bearer(header string) (token string, ok bool) {
	const n = len(auth.BearerScheme)
	if len(header) < n || !strings.EqualFold(header[:n], auth.BearerScheme) {
		return "", false
	}
	return strings.TrimSpace(header[n:]), true
}

// merging is implemented by Rules that can be asked together with others, which
// spares a copy of them all.
type merging interface {
	VerifyWith(more []*auth.Rule, acc *auth.Account, res *auth.Resource, opts ...auth.VerifyOption) error
}

// verify asks the rules and those declared by a handler together.
func verify(ctx context.Context, rules auth.Rules, declared []*auth.Rule, acc *auth.Account, known bool, res *auth.Resource) error {
	switch {
	case len(declared) == 0 && rules == nil:
		if known {
			return nil
		}
		return auth.ErrForbidden
	case len(declared) == 0:
		return rules.Verify(acc, res, auth.VerifyContext(ctx))
	case rules == nil:
		return auth.Verify(declared, acc, res)
	}
	if m, ok := rules.(merging); ok {
		return m.VerifyWith(declared, acc, res, auth.VerifyContext(ctx))
	}
	all, err := rules.List(auth.RulesContext(ctx))
	if err != nil {
		return err
	}
	return auth.Verify(append(all[:len(all):len(all)], declared...), acc, res)
}

// refuse logs a refusal, in which there is nothing of the token, and returns the
// error for the caller.
func refuse(ctx context.Context, a auth.Auth, acc *auth.Account, res *auth.Resource, why string, kind func(id, format string, a ...any) error) error {
	err := kind(guardID, "%s: %s", name(res), why)
	log := logger.DefaultLogger
	if a != nil {
		log = logger.LoggerOrDefault(a.Options().Logger)
	}
	who := "nobody"
	if acc != nil {
		who = acc.ID
	}
	from, _ := metadata.Get(ctx, "Remote")
	log.Logf(logger.InfoLevel, "auth: refused %.128q at %.64q: %v", who, from, err)
	return err
}

// name is a resource in words.
func name(res *auth.Resource) string {
	return res.Type + " " + res.Name + " " + res.Endpoint
}

// ForwardAuthorization returns a context whose calls go on with the token of the
// request that ctx belongs to, as the caller of that request, and without one if the
// caller had none. Otherwise they go on with the token of the service itself: a token
// is not for others than the one it was sent to. The service called can do everything
// that the caller may.
func ForwardAuthorization(ctx context.Context) context.Context {
	return context.WithValue(ctx, authcall.CallerKey{}, true)
}
