package expiring_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/justcy/go-micro/v4/internal/expiring"
)

type model struct {
	value int
	end   int64
}

func TestAMapHoldsWhatWasPutAndNotRemoved(t *testing.T) {
	for _, keys := range []int{50, 20_000} {
		r := rand.New(rand.NewPCG(uint64(keys), 0))
		m := expiring.New()
		want := map[string]model{}
		for step := range 4 * keys {
			key := fmt.Sprint(r.IntN(keys))
			if deleting := step > 3*keys; deleting || r.IntN(4) == 0 {
				_, there := want[key]
				if m.Delete(key) != there {
					t.Fatalf("deleting %s: wrong about whether it was there", key)
				}
				delete(want, key)
				continue
			}
			v := model{step, int64(r.IntN(3) * step)}
			m.Set(key, v.value, v.end)
			want[key] = v
		}
		check(t, m, want)
		checkEnds(t, m, want)
	}
}

func check(t *testing.T, m *expiring.Map, want map[string]model) {
	t.Helper()
	if m.Len() != len(want) {
		t.Fatalf("%d entries, want %d", m.Len(), len(want))
	}
	for key, v := range want {
		if got := m.Get(key); got != v.value {
			t.Fatalf("%s is %v, want %d", key, got, v.value)
		}
	}
}

// checkEnds removes everything that has an end, in steps.
func checkEnds(t *testing.T, m *expiring.Map, want map[string]model) {
	t.Helper()
	last := int64(0)
	for now, ok := m.First(); ok; now, ok = m.First() {
		removed := 0
		m.RemoveEnded(now, 10, func(key string, v any) {
			removed++
			if w := want[key]; w.value != v || w.end < last || w.end > now {
				t.Fatalf("%s with end %d was removed between %d and %d", key, w.end, last, now)
			}
			delete(want, key)
		})
		if removed == 0 || removed > 10 {
			t.Fatalf("%d were removed in one step of 10", removed)
		}
		last = now
	}
	for key, v := range want {
		if v.end != 0 {
			t.Fatalf("%s with end %d is left", key, v.end)
		}
	}
	check(t, m, want)
}

func TestAnEndMayBePutOffOrTakenAway(t *testing.T) {
	m := expiring.New()
	m.Set("later", 1, 1)
	m.Set("later", 2, 5)
	m.Set("never", 1, 1)
	m.Set("never", 2, 0)
	if m.RemoveEnded(4, 100, nil) {
		t.Error("there is more to remove")
	}
	if m.Len() != 2 {
		t.Errorf("%d entries are left", m.Len())
	}
	m.RemoveEnded(5, 100, nil)
	if m.Get("later") != nil || m.Len() != 1 {
		t.Errorf("%d entries are left", m.Len())
	}
}

func heapAlloc() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestTheMemoryOfRemovedEntriesComesBack(t *testing.T) {
	const n = 50_000
	for name, remove := range map[string]func(*expiring.Map){
		"deleted": func(m *expiring.Map) {
			for i := range n {
				if i%100 > 0 {
					m.Delete(fmt.Sprint(i))
				}
			}
		},
		"ended": func(m *expiring.Map) {
			for m.RemoveEnded(1, 1000, nil) {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heapAlloc()
			m := expiring.New()
			for i := range n {
				end := int64(1)
				if i%100 == 0 {
					end = 2
				}
				m.Set(fmt.Sprint(i), i, end)
			}
			full := heapAlloc() - before
			remove(m)
			if left := max(heapAlloc(), before) - before; left > full/10 || m.Len() != n/100 {
				t.Errorf("%d of %d bytes are left for %d entries", left, full, m.Len())
			}
		})
	}
}

// What is made anew is made under the lock of those who use the map.
func TestAStepOfRemovingMakesLittleAnew(t *testing.T) {
	const n, step = 200_000, 64
	m := expiring.New()
	for i := range n {
		m.Set(fmt.Sprint(i), i, 1)
	}
	var before, after runtime.MemStats
	for more := true; more; {
		runtime.ReadMemStats(&before)
		more = m.RemoveEnded(1, step, nil)
		runtime.ReadMemStats(&after)
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 128<<10 {
			t.Errorf("to remove %d entries of %d took %d bytes, with %d left", step, n, bytes, m.Len())
		}
	}
}

func BenchmarkSetAndDelete(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := expiring.New()
			keys := make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprint(i)
				m.Set(keys[i], i, int64(i+1))
			}
			for i := 0; b.Loop(); i++ {
				m.Delete(keys[i%n])
				m.Set(keys[i%n], i, int64(n+i))
			}
		})
	}
}
