package client

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// timedConn notes when it is closed.
type timedConn struct {
	transport.Client
	wg *sync.WaitGroup
	at time.Time
}

func (c *timedConn) Close() error {
	c.at = time.Now()
	c.wg.Done()
	return nil
}

func TestEveryDeadlineBreaksItsConnectionAtItsTimeAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		var wg sync.WaitGroup
		const n = 200
		begin := time.Now()
		guards, conns, limits := make([]guard, n), make([]timedConn, n), make([]time.Time, n)
		for i := range guards {
			limits[i] = begin.Add(time.Duration(1+rand.IntN(300)) * time.Second)
			guards[i].fire = guards[i].expire
			conns[i].wg = &wg
			wg.Add(1)
			guards[i].arm(t.Context(), connection{Client: &conns[i]}, &d, limits[i], begin)
		}
		for i := 0; i < n; i += 3 {
			if _, whole, clean := guards[i].disarm(); !whole || !clean {
				t.Errorf("guard %d was fired before its time", i)
			}
			wg.Done()
		}
		wg.Wait()
		for i := range guards {
			switch at := conns[i].at; {
			case i%3 == 0 && !at.IsZero():
				t.Errorf("connection %d was broken after its attempt", i)
			case i%3 != 0 && !at.Equal(limits[i]):
				t.Errorf("connection %d was broken after %v, want %v", i, at.Sub(begin), limits[i].Sub(begin))
			}
		}
		if _, whole, clean := guards[1].disarm(); whole || clean {
			t.Error("a guard that was fired is whole or clean")
		}
		if len(d.heap) != 0 {
			t.Errorf("%d guards are left", len(d.heap))
		}
	})
}

func TestALaterDeadlineDoesNotDelayAnEarlierOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		var wg sync.WaitGroup
		begin := time.Now()
		for _, after := range []time.Duration{time.Hour, time.Second, time.Minute} {
			g, conn := &guard{}, &timedConn{wg: &wg}
			g.fire = g.expire
			wg.Add(1)
			g.arm(t.Context(), connection{Client: conn}, &d, begin.Add(after), begin)
			defer func() {
				if at := conn.at.Sub(begin); at != after {
					t.Errorf("broken after %v, want %v", at, after)
				}
			}()
		}
		wg.Wait()
	})
}

func BenchmarkDeadlines(b *testing.B) {
	var d deadlines
	waiting := make([]guard, 128)
	now := time.Now()
	for i := range waiting {
		d.add(&waiting[i], now.Add(time.Minute), now)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		g := &waiting[i%len(waiting)]
		d.remove(g)
		d.add(g, now.Add(time.Minute), now)
	}
}
