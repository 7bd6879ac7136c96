package wrapper

import (
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/authcall"
)

// AuthCall returns a client that authenticates calls, streams and events with
// the token of the service's Auth, and says in which namespace it is. The Auth
// is asked for anew each time, so that it may be replaced.
//
// A token is renewed before it expires, when it has a refresh token or when the
// Auth has the credentials of an account; a first token is had with those. The
// new one is put into the options of the Auth.
//
// A context that has an Authorization of its own keeps it, unless the call was
// made with client.WithServiceToken. One that came with a request which AuthHandler
// let through is not passed on: see ForwardAuthorization. Without an Auth or a
// valid token nothing is added: it is for the other side to refuse.
func AuthCall(a func() auth.Auth, c client.Client) client.Client {
	r := new(renewing)
	r.Client = authcall.New(a, r.current, c)
	return r
}

// renewing is a client that sends tokens which it renews.
type renewing struct {
	around
	tokens
}

// Close waits until no token is being renewed, and closes the client within.
func (r *renewing) Close() error {
	r.running.Wait()
	return r.around.Close()
}
