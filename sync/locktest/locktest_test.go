package locktest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/locktest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func harness(f flaws) locktest.Harness {
	b := &backend{locks: map[string]chan struct{}{}}
	return locktest.Harness{
		New: func(_ testing.TB, opts ...sync.Option) sync.Sync {
			g := &good{backend: b, flaws: f, held: map[string]*lease{}}
			for _, o := range opts {
				o(&g.options)
			}
			return g
		},
		TTL:        200 * time.Millisecond,
		SessionTTL: 200 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) {
	h := harness(flaws{})
	h.Simulated = true
	locktest.Run(t, h)
}

func TestBrokenSyncsFailByTheRightRule(t *testing.T) {
	for rule, f := range map[string]flaws{
		"a sync has a name":                                           {nameless: true},
		"init adds to the options already set":                        {forgetful: true},
		"a lock that was unlocked can be locked again":                {sticky: true},
		"a lock waits until its holder unlocks":                       {open: true},
		"a lock that stays held fails with ErrLockTimeout":            {patient: true},
		"locks are not re-entrant":                                    {reentrant: true},
		"locks of different ids do not disturb each other":            {single: true},
		"one at a time holds a lock":                                  {open: true},
		"who gave up waiting does not get the lock":                   {greedy: true},
		"nobody unlocks what another holds":                           {generous: true},
		"ids are any strings":                                         {caseless: true},
		"a lock without a TTL is held however long":                   {fleeting: true},
		"a lock is held until its TTL is over, and no longer":         {timeless: true},
		"the TTL of a lock that was unlocked ends nobody else's":      {hasty: true},
		"prefixes separate ids":                                       {prefixless: true},
		"what was held when a Sync was closed is free":                {unclosing: true},
		"fencing tokens grow":                                         {tokenless: true},
		"the wait for a lease ends with its context":                  {uncancelled: true},
		"a lease that is released is over":                            {endless: true},
		"a lease whose TTL is over is reported lost":                  {quiet: true},
		"the holder is told of what it lost when its Sync was closed": {untelling: true},
		"a leader is elected where there is none":                     {leaderless: true},
		"the next leader is elected when the first resigns":           {open: true},
		"a leader excludes who locks the same id":                     {apart: true},
		"leaders have fencing tokens that grow":                       {tokenless: true},
		"the status of a leader is silent while it leads":             {nervous: true},
		"the status of a leader tells of no loss after it resigned":   {sour: true},
		"the status of a leader tells when leadership is lost":        {calm: true},
	} {
		checkBreaks(t, rule, f)
	}
}

func TestMoreThanOneFlawBreaksARule(t *testing.T) {
	checkBreaks(t, "ids are any strings", flaws{cutting: true})
	checkBreaks(t, "a lock is held until its TTL is over, and no longer", flaws{early: true})
}

func checkBreaks(t *testing.T, rule string, f flaws) {
	t.Run(rule, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := harness(f)
			h.Patience = 300 * time.Millisecond
			if got := locktest.Broken(t, h, rule); !slices.Contains(got, rule) {
				t.Error("the rule held")
			}
			time.Sleep(time.Minute) // some with a flaw wait on
		})
	})
}

func TestDeclaredGapsAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := harness(flaws{timeless: true, prefixless: true, leaderless: true, tokenless: true, unclosing: true})
		h.NoTTL, h.NoPrefix, h.NoLeader, h.NoSharing, h.NoLease, h.NoClose = true, true, true, true, true, true
		if got := locktest.Broken(t, h); len(got) > 0 {
			t.Errorf("broken are %q", got)
		}
	})
}
