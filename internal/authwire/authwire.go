// Package authwire is where a service finds what puts an Auth to use, if the
// program has it: a service without accounts does not link it. Whoever brings an
// Auth into a program calls Link of package authguard.
package authwire

import (
	"sync/atomic"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/server"
)

// Guard is what puts an Auth to use. The Auth and the rules are asked for anew
// each time.
type Guard struct {
	// Client returns a client that carries the tokens of the Auth.
	Client func(a func() auth.Auth, c client.Client) client.Client
	// Server returns the options of a server that lets in who may enter, which
	// is everybody while the Auth is the no-op.
	Server func(a func() auth.Auth, rules func() auth.Rules) []server.Option
}

// Linked is the guard of the program, nil when there is none.
var Linked atomic.Pointer[Guard]
