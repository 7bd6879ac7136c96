package store_test

import (
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/store"
)

// An option that is made under a condition is nil when it does not hold.
func TestNilOptionsAreSkipped(t *testing.T) {
	s := store.NewMemoryStore(nil)
	if err := s.Init(nil); err != nil {
		t.Fatal(err)
	}
	put(t, s, "key", nil)
	if records, err := s.Read("key", nil); err != nil || len(records) != 1 {
		t.Errorf("%d records, %v", len(records), err)
	}
	if keys := list(t, s, nil); !slices.Equal(keys, []string{"key"}) {
		t.Errorf("keys %q", keys)
	}
	if err := s.Delete("key", nil); err != nil {
		t.Error(err)
	}
}
