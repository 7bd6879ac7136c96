// Package authtest checks that an auth.Auth and an auth.Rules keep the rules of
// their interfaces. A driver runs it in tests of its own:
//
//	func TestConformance(t *testing.T) {
//		authtest.Run(t, authtest.Harness{
//			New: func(t testing.TB, opts ...auth.Option) auth.Auth {
//				return jwt.NewAuth(append(opts, auth.PublicKey(pub), auth.PrivateKey(priv))...)
//			},
//		})
//	}
package authtest

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Harness makes the Auths to test, and says what they cannot do.
type Harness struct {
	// New returns an Auth with the options, ready for use. It registers with t
	// whatever must be cleaned up. Ids of accounts are unique, so the backend
	// can be shared.
	New func(t testing.TB, opts ...auth.Option) auth.Auth
	// NoTokens: tokens are empty and never looked at.
	NoTokens bool
	// NoRefresh: a token has no refresh token.
	NoRefresh bool
	// NoIssuer: the namespace is not the issuer of accounts.
	NoIssuer bool
}

// RulesHarness makes the Rules to test, and says what they cannot do.
type RulesHarness struct {
	// New returns Rules ready for use, as RulesHarness.New does for an Auth.
	// They are empty or hold rules for other resources only.
	New func(t testing.TB) auth.Rules
	// NoEnforcement: rules are not kept, and everything is allowed.
	NoEnforcement bool
}

var (
	noTokens  = conformance.Flag("NoTokens", func(h Harness) bool { return h.NoTokens })
	noRefresh = func(h Harness) string {
		return cmp.Or(noTokens(h), conformance.Flag("NoRefresh", func(h Harness) bool { return h.NoRefresh })(h))
	}
	noIssuer      = conformance.Flag("NoIssuer", func(h Harness) bool { return h.NoIssuer })
	noEnforcement = conformance.Flag("NoEnforcement", func(h RulesHarness) bool { return h.NoEnforcement })
)

// Run checks every rule about an Auth, each in a subtest named after it.
func Run(t *testing.T, h Harness) {
	conformance.Run(t, h, authRules)
}

// RunRules checks every rule about an auth.Rules, each in a subtest named after
// it.
func RunRules(t *testing.T, h RulesHarness) {
	conformance.Run(t, h, ruleRules)
}

var ids atomic.Uint64

// newID returns an id no other test of any process uses.
func newID() string {
	return fmt.Sprintf("authtest-%d-%d", time.Now().UnixNano(), ids.Add(1))
}
