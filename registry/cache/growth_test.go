package cache_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/cache"
)

// many is foo 1 with that many nodes.
func many(n int) *registry.Service {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprint("node-", i)
	}
	return foo("1", ids...)
}

func TestAJoinCostsNoCopyOfTheNodesThatAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const there, joins = 10_000, 100
		s := newSource(many(there))
		c := cache.New(s)
		defer c.Stop()
		snapshot := c.(cache.Snapshotter).Snapshot
		if _, err := snapshot("foo"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.emit("update", foo("1", "first")) // the nodes are put in order once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range joins {
			s.emit("update", foo("1", fmt.Sprint("new-", i)))
			services, err := snapshot("foo")
			if err != nil || len(services[0].Nodes) != there+2+i {
				t.Fatalf("%d nodes after %d joins, %v", len(services[0].Nodes), i+1, err)
			}
		}
		runtime.ReadMemStats(&after)
		// The list grows by a part of itself now and then; a copy for each join
		// would be 80 KB.
		if each := (after.TotalAlloc - before.TotalAlloc) / joins; each > 20<<10 {
			t.Errorf("a join allocates %d bytes", each)
		}
	})
}

func TestTenThousandNodesMayJoinBetweenTwoLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const joins = 10_000
		s := newSource(foo("1", "a"))
		c := cache.New(s)
		defer c.Stop()
		expect(t, c, "1 a")
		time.Sleep(time.Second)
		for i := range joins {
			s.emit("update", foo("1", fmt.Sprint(i)))
		}
		s.emit("delete", foo("1", "0", "a"))
		services, err := c.GetService("foo")
		if err != nil || len(services[0].Nodes) != joins-1 {
			t.Fatalf("%v, %v", len(services[0].Nodes), err)
		}
		for i, n := range services[0].Nodes {
			if n.Id != fmt.Sprint(1+i) {
				t.Fatalf("node %d is %s", i, n.Id)
			}
		}
	})
}

func TestAnEventThatSaysNothingNewChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		snapshot := c.(cache.Snapshotter).Snapshot
		before, _ := snapshot("foo")
		s.emit("create", foo("1", "b"))
		s.emit("delete", foo("1", "c"))
		if after, _ := snapshot("foo"); &after[0] != &before[0] {
			t.Error("the snapshot is another one")
		}
	})
}

func TestWhatAnEventLeavesNothingOfStaysWhileTheRegistryFails(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(cache.DefaultTTL)
		s.set(func() { s.err = fmt.Errorf("down") })
		expect(t, c, "1 a b")
		s.emit("delete", foo("1", "a"))
		expect(t, c, "1 b")
		s.emit("delete", foo("1", "b"))
		expect(t, c, "1 b")
		s.emit("update", foo("1", "c"))
		expect(t, c, "1 b c")
	})
}

func TestAWatchEndsAFewLifetimesAfterTheLastLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 1000
		s := newSource()
		forgotten := 0
		c := cache.New(s, cache.WithOnForget(func(string) { forgotten++ }))
		defer c.Stop()
		for i := range names {
			name := fmt.Sprint("service-", i)
			s.set(func() { s.services[name] = []*registry.Service{{Name: name, Nodes: foo("", "a").Nodes}} })
			if got := nodesOf(c, name); got != " a" {
				t.Fatalf("%s is %q", name, got)
			}
		}
		time.Sleep(time.Second)
		s.set(func() { clear(s.services) })
		if n := s.watching(); n != names {
			t.Errorf("%d names are watched", n)
		}
		time.Sleep(5 * cache.DefaultTTL)
		synctest.Wait()
		if n := s.watching(); n > 0 || forgotten != names {
			t.Errorf("%d names are watched, %d forgotten", n, forgotten)
		}
	})
}

func TestANameThatIsLookedUpStaysWatched(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		for range 20 {
			time.Sleep(cache.DefaultTTL * 9 / 10)
			expect(t, c, "1 a b")
		}
		if len(s.watched) != 1 {
			t.Errorf("watched %d times", len(s.watched))
		}
	})
}

func TestAForgottenNameIsFollowedAgainWhenItIsLookedUp(t *testing.T) {
	bubble(t, func(t *testing.T, s *source, c cache.Cache) {
		time.Sleep(5 * cache.DefaultTTL)
		expect(t, c, "1 a b")
		time.Sleep(time.Second)
		s.emit("update", foo("1", "c"))
		expect(t, c, "1 a b c")
	})
}
