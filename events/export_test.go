package events

import (
	"sync/atomic"

	"github.com/justcy/go-micro/v4/store"
)

// CountingStore counts the calls that read it.
type CountingStore struct {
	store.Store
	Reads, Lists atomic.Int64
}

func (s *CountingStore) Read(key string, opts ...store.ReadOption) ([]*store.Record, error) {
	s.Reads.Add(1)
	return s.Store.Read(key, opts...)
}

func (s *CountingStore) List(opts ...store.ListOption) ([]string, error) {
	s.Lists.Add(1)
	return s.Store.List(opts...)
}

// CountReads has the store that a store of events is made of count from now on.
func CountReads(s Store) *CountingStore {
	e := s.(*eventStore)
	c := &CountingStore{Store: e.store}
	e.store = c
	return c
}
