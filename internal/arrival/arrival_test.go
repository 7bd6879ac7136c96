package arrival_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/internal/arrival"
)

func keys(m *arrival.Map[int]) (out []string) {
	for key := range m.All() {
		out = append(out, key)
	}
	return out
}

func TestKeysKeepTheOrderInWhichTheyCame(t *testing.T) {
	var m arrival.Map[int]
	for i, key := range []string{"b", "a", "c"} {
		if !m.Put(key, i) {
			t.Errorf("%s was there", key)
		}
	}
	if m.Put("a", 7) {
		t.Error("a was not there")
	}
	if v, ok := m.Get("a"); !ok || v != 7 {
		t.Errorf("a is %d, %v", v, ok)
	}
	if !m.Delete("b") || m.Delete("b") {
		t.Error("b is deleted once")
	}
	m.Put("b", 8)
	if got := keys(&m); !slices.Equal(got, []string{"a", "c", "b"}) {
		t.Errorf("the keys are %v", got)
	}
}

func TestTheVisitedKeyMayBeDeleted(t *testing.T) {
	var m arrival.Map[int]
	for i := range 1000 {
		m.Put(fmt.Sprint(i), i)
	}
	visited := 0
	for key, v := range m.All() {
		if visited != v {
			t.Fatalf("%d is visited as number %d", v, visited)
		}
		visited++
		if v%10 != 0 && !m.Delete(key) {
			t.Fatalf("%s was not there", key)
		}
	}
	if visited != 1000 || m.Len() != 100 || len(keys(&m)) != 100 {
		t.Errorf("%d visited, %d and %d left", visited, m.Len(), len(keys(&m)))
	}
	for i := range 1000 {
		if v, ok := m.Get(fmt.Sprint(i)); ok != (i%10 == 0) || ok && v != i {
			t.Errorf("%d is %d, %v", i, v, ok)
		}
	}
}
