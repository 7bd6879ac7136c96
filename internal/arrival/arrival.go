// Package arrival has a map that remembers the order in which its keys came.
package arrival

import "iter"

// Map is a map whose keys are visited in the order in which they were added. The
// zero value is empty. What an operation costs does not depend on the size. It is
// not safe for concurrent use.
type Map[V any] struct {
	at    map[string]int // where in items
	items []item[V]      // with gaps where keys were deleted
}

type item[V any] struct {
	key   string
	value V
	gone  bool
}

// Len returns the number of keys.
func (m *Map[V]) Len() int { return len(m.at) }

// Get returns the value of a key.
func (m *Map[V]) Get(key string) (v V, ok bool) {
	i, ok := m.at[key]
	if ok {
		v = m.items[i].value
	}
	return v, ok
}

// Put sets the value of a key and reports whether the key is new.
func (m *Map[V]) Put(key string, v V) (added bool) {
	if i, ok := m.at[key]; ok {
		m.items[i].value = v
		return false
	}
	if m.at == nil {
		m.at = map[string]int{}
	}
	m.at[key] = len(m.items)
	m.items = append(m.items, item[V]{key: key, value: v})
	return true
}

// Delete removes a key and reports whether it was there.
func (m *Map[V]) Delete(key string) bool {
	i, ok := m.at[key]
	if !ok {
		return false
	}
	delete(m.at, key)
	m.items[i] = item[V]{gone: true}
	if len(m.items) > 8 && len(m.at) < len(m.items)/2 {
		m.close()
	}
	return true
}

// close closes the gaps. Both the list and the map are made anew, because maps do
// not give their memory back.
func (m *Map[V]) close() {
	items := make([]item[V], 0, len(m.at))
	at := make(map[string]int, len(m.at))
	for _, it := range m.items {
		if !it.gone {
			at[it.key] = len(items)
			items = append(items, it)
		}
	}
	m.at, m.items = at, items
}

// All visits the keys and values in order. The key that is visited may be deleted
// meanwhile.
func (m *Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, it := range m.items {
			if !it.gone && !yield(it.key, it.value) {
				return
			}
		}
	}
}
