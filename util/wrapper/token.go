package wrapper

import (
	"context"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/authcall"
)

const (
	// maxMargin and a fifth of the lifetime, whichever is less, is how long
	// before its expiry a token is renewed.
	maxMargin = time.Minute
	// travelTime is how long before its expiry a token that can be renewed is not
	// sent any more: it would arrive too late, or where a clock is ahead.
	travelTime = 2 * time.Second
	// renewalPause is how long a renewal that failed is not tried again.
	renewalPause = time.Second
)

// tokens is where calls find the token of a service. It renews the token that is
// in the options of an Auth, with its refresh token or else the credentials of the
// service's account.
type tokens struct {
	mu      sync.Mutex
	renewal *renewal // the last one, or the one under way

	running sync.WaitGroup
}

// renewal is one attempt to renew the token of an Auth.
type renewal struct {
	auth   auth.Auth
	done   chan struct{} // closed when it is over
	failed time.Time     // when it did; zero when it did not
}

// current returns the access token to send, "" when there is none. It waits only
// when there is none that will be valid where it arrives, and one can be had.
func (t *tokens) current(ctx context.Context, a auth.Auth, o *auth.Options) string {
	now := time.Now()
	if fresh(o.Token, now) || !renewable(a, o) {
		return authcall.Usable(o.Token)
	}
	r := t.renew(a, o, now)
	if r == nil || o.Token != nil && o.Token.Expiry.Sub(now) > travelTime {
		return authcall.Usable(o.Token)
	}
	select {
	case <-r.done:
		return authcall.Usable(a.Options().Token)
	case <-ctx.Done():
		return authcall.Usable(o.Token)
	}
}

// fresh reports whether a token need not be renewed yet.
func fresh(t *auth.Token, now time.Time) bool {
	if t == nil {
		return false
	}
	margin := min(max(0, t.Expiry.Sub(t.Created)/5), maxMargin)
	return t.Expiry.Sub(now) > margin
}

func renewable(a auth.Auth, o *auth.Options) bool {
	return (o.ID != "" && o.Secret != "" || o.Token != nil && o.Token.RefreshToken != "") && !trusts(a)
}

// renew starts to renew the token, or joins who does. It returns nil when the last
// attempt has failed just now.
func (t *tokens) renew(a auth.Auth, o *auth.Options, now time.Time) *renewal {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.renewal; r != nil && r.auth == a {
		select {
		case <-r.done:
			if now.Sub(r.failed) < renewalPause {
				return nil
			}
		default:
			return r
		}
	}
	r := &renewal{auth: a, done: make(chan struct{})}
	t.renewal = r
	t.running.Go(func() {
		defer close(r.done)
		if token := obtain(a, o); token != nil {
			a.Init(auth.ClientToken(token))
			return
		}
		r.failed = time.Now()
	})
	return r
}

// obtain returns a new token, nil when there is none.
func obtain(a auth.Auth, o *auth.Options) *auth.Token {
	var ways [][]auth.TokenOption
	if old := o.Token; old != nil && old.RefreshToken != "" {
		ways = append(ways, []auth.TokenOption{auth.WithToken(old.RefreshToken)})
	}
	if o.ID != "" && o.Secret != "" {
		ways = append(ways, []auth.TokenOption{auth.WithCredentials(o.ID, o.Secret)})
	}
	for _, way := range ways {
		if old := o.Token; old != nil && !old.Created.IsZero() && old.Expiry.After(old.Created) {
			way = append(way, auth.WithExpiry(old.Expiry.Sub(old.Created)))
		}
		if token, err := a.Token(way...); err == nil && token != nil && token.AccessToken != "" {
			return token
		}
	}
	return nil
}
