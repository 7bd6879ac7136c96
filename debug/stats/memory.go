package stats

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// capacity is how many written records are kept.
const capacity = 60

// NewStats returns Stats that start counting now and keep the last 60 records
// written to them.
func NewStats() Stats {
	return &memory{started: time.Now()}
}

type memory struct {
	started  time.Time
	requests atomic.Uint64
	errors   atomic.Uint64
	streams  atomic.Int64

	mu      sync.Mutex
	records []Stat // a ring once it is full
	next    int    // where the next record goes in a full ring
}

func (s *memory) Record(err error) error {
	s.requests.Add(1)
	if err != nil {
		s.errors.Add(1)
	}
	return nil
}

func (s *memory) StreamOpened() { s.streams.Add(1) }

func (s *memory) StreamClosed() { s.streams.Add(-1) }

func (s *memory) Write(stat *Stat) error {
	if stat == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.records) < capacity {
		s.records = append(s.records, *stat)
		return nil
	}
	s.records[s.next] = *stat
	s.next = (s.next + 1) % capacity
	return nil
}

func (s *memory) Read() ([]*Stat, error) {
	return append(s.stored(), s.snapshot()), nil
}

// stored returns copies of the records written, oldest first.
func (s *memory) stored() []*Stat {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := make([]*Stat, 0, len(s.records)+1)
	for i := range s.records {
		record := s.records[(s.next+i)%len(s.records)]
		stats = append(stats, &record)
	}
	return stats
}

func (s *memory) snapshot() *Stat {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	now := time.Now()
	return &Stat{
		Timestamp: now.Unix(),
		Started:   s.started.Unix(),
		Uptime:    int64(now.Sub(s.started).Seconds()),
		Memory:    mem.Alloc,
		GC:        mem.PauseTotalNs,
		Threads:   uint64(runtime.NumGoroutine()),
		Requests:  s.requests.Load(),
		Errors:    s.errors.Load(),
		Streams:   uint64(max(s.streams.Load(), 0)),
	}
}
