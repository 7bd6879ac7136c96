package memory_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/sync/memory"
)

func BenchmarkLockAndUnlock(b *testing.B) {
	s := memory.NewSync()
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		id := "bench-" + strconv.FormatInt(n.Add(1), 10)
		for p.Next() {
			if err := s.Lock(id); err != nil {
				b.Fatal(err)
			}
			if err := s.Unlock(id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
