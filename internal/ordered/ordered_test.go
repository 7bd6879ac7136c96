package ordered_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/internal/ordered"
)

func wantKeys(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %d strings, want %d", what, len(got), len(want))
	}
}

// all collects what is visited.
func all[K any](walk func(K, func(string) bool), from K) (out []string) {
	walk(from, func(key string) bool { out = append(out, key); return true })
	return out
}

func TestASetIsInOrderWhateverCameAndWent(t *testing.T) {
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 0))
		var s ordered.Set
		model := map[string]bool{}
		for step := range 20_000 {
			key := fmt.Sprint(r.IntN(4000))
			growing := step/5000%2 == 0
			if r.IntN(4) > 0 == growing {
				if s.Add(key) == model[key] {
					t.Fatalf("adding %s: wrong about whether it is new", key)
				}
				model[key] = true
			} else {
				if s.Remove(key) != model[key] {
					t.Fatalf("removing %s: wrong about whether it was there", key)
				}
				delete(model, key)
			}
			if step%997 == 0 {
				want := slices.Sorted(maps.Keys(model))
				wantKeys(t, "all", all(s.From, ""), want)
				n := r.IntN(len(want) + 2)
				wantKeys(t, "skipping", all(s.Skip, uint(n)), want[min(n, len(want)):])
				from, _ := slices.BinarySearch(want, key)
				wantKeys(t, "from "+key, all(s.From, key), want[from:])
				if s.Len() != len(want) {
					t.Fatalf("the length is %d, want %d", s.Len(), len(want))
				}
			}
		}
	}
}

func TestAnEmptySetYieldsNothing(t *testing.T) {
	var s ordered.Set
	if s.Remove("a") || len(all(s.From, ""))+len(all(s.Skip, 0)) > 0 {
		t.Error("there is something in it")
	}
	s.Add("a")
	s.Remove("a")
	if len(all(s.From, ""))+len(all(s.Skip, 0)) > 0 {
		t.Error("there is something left in it")
	}
}

func TestTheMemoryOfWhatWasRemovedComesBack(t *testing.T) {
	var s ordered.Set
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const n = 50_000
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%06d", i)
	}
	before := heap()
	for _, i := range rand.Perm(n) {
		s.Add(keys[i])
	}
	full := heap() - before
	for i, key := range keys {
		if i%100 > 0 {
			s.Remove(key)
		}
	}
	if left := max(heap(), before) - before; left > full/10 {
		t.Errorf("%d of %d bytes are left for a hundredth of the strings", left, full)
	}
	runtime.KeepAlive(keys)
	runtime.KeepAlive(&s)
}

func BenchmarkAddAndRemove(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var s ordered.Set
			keys := make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprintf("%08d", i*2)
				s.Add(keys[i])
			}
			for i := 0; b.Loop(); i++ {
				key := keys[i*7919%n] + "x"
				s.Add(key)
				s.Remove(key)
			}
		})
	}
}
