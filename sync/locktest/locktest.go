// Package locktest checks that a sync.Sync keeps the rules of its interface. A
// driver runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		locktest.Run(t, locktest.Harness{
//			New: func(t testing.TB, opts ...sync.Option) sync.Sync {
//				s := etcd.NewSync(append(opts, sync.Nodes(addrs...))...)
//				if err := s.Init(); err != nil {
//					t.Fatal(err)
//				}
//				return s
//			},
//		})
//	}
//
// Ids are unique to each rule, so a server can be shared.
package locktest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/sync"
)

// Harness makes the Syncs to test, and says what they cannot do.
type Harness struct {
	// New returns a Sync with the options, ready for use, on a backend that all
	// of the harness share. It registers with t whatever must be cleaned up.
	New func(t testing.TB, opts ...sync.Option) sync.Sync
	// TTL is the shortest lifetime of a lock that the backend respects; a
	// second when zero.
	TTL time.Duration
	// SessionTTL is given to the Syncs for what they hold without a TTL;
	// sync.DefaultSessionTTL when zero.
	SessionTTL time.Duration
	// Simulated: the Syncs live in this process and wait for timers and
	// each other alone. Each rule is checked in the simulated time of a synctest
	// bubble, so that New must make all that it returns.
	Simulated bool
	// Patience is how long to wait for what must happen; 30s when zero.
	Patience time.Duration

	// NoSharing: instances know nothing of each other. The rules are checked on
	// one instance then.
	NoSharing bool
	// NoTTL: locks are held until they are unlocked.
	NoTTL bool
	// NoPrefix: the Prefix option is not used.
	NoPrefix bool
	// NoSlashes: ids that differ in slashes and dashes alone are one lock.
	NoSlashes bool
	// NoLeader: leaders are not elected.
	NoLeader bool
	// NoLease: the Syncs are no sync.Leaser, and have no fencing tokens.
	NoLease bool
	// NoClose: the Syncs have no Close() error.
	NoClose bool
}

// Run checks every rule, each in a subtest named after it. They run in parallel,
// since they mostly wait.
func Run(t *testing.T, h Harness) {
	if h.Simulated {
		conformance.RunSimulated(t, h, rules)
		return
	}
	conformance.RunParallel(t, h, rules)
}

// trial is what the check of one rule works with: two instances, an id that
// nobody else uses, and what the harness leaves to be chosen.
type trial struct {
	Harness
	t           testing.TB
	first       sync.Sync
	second      sync.Sync
	id, otherID string
}

func newTrial(t testing.TB, h Harness) *trial {
	if h.TTL <= 0 {
		h.TTL = time.Second
	}
	if h.SessionTTL <= 0 {
		h.SessionTTL = sync.DefaultSessionTTL
	}
	if h.Patience <= 0 {
		h.Patience = 30 * time.Second
	}
	tr := &trial{Harness: h, t: t, id: "locktest-" + rand.Text(), otherID: "locktest-" + rand.Text()}
	tr.first = tr.another()
	tr.second = tr.first
	if !h.NoSharing {
		tr.second = tr.another()
	}
	return tr
}

// another returns one more Sync.
func (tr *trial) another(opts ...sync.Option) sync.Sync {
	return tr.New(tr.t, append(opts, sync.SessionTTL(tr.SessionTTL))...)
}
