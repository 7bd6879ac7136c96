// Package ordered keeps strings in order.
package ordered

import (
	"slices"
	"sort"
)

// most is how many strings are in one chunk, at most.
const most = 512

// Set is a set of strings in byte order. Adding, removing and finding one costs
// little more in a large set than in a small one, and the memory of strings that
// were removed is given back. The zero Set is empty. It is not safe for concurrent
// use, but for several readers.
type Set struct {
	chunks [][]string // none is empty
	length int
}

// Len returns how many strings there are.
func (s *Set) Len() int { return s.length }

// Add adds a string, and reports whether it is new.
func (s *Set) Add(key string) bool {
	if len(s.chunks) == 0 {
		s.chunks = [][]string{{key}}
		s.length++
		return true
	}
	c, i, found := s.find(key)
	if found {
		return false
	}
	chunk := append(s.chunks[c], "")
	copy(chunk[i+1:], chunk[i:])
	chunk[i] = key
	s.chunks[c] = chunk
	s.length++
	if half := most / 2; len(chunk) > most {
		if c == len(s.chunks)-1 && i == len(chunk)-1 {
			half = most // strings that come in order leave full chunks
		}
		s.chunks = append(s.chunks, nil)
		copy(s.chunks[c+2:], s.chunks[c+1:])
		s.chunks[c], s.chunks[c+1] = slices.Clone(chunk[:half]), slices.Clone(chunk[half:])
	}
	return true
}

// Remove removes a string, and reports whether it was there.
func (s *Set) Remove(key string) bool {
	if len(s.chunks) == 0 {
		return false
	}
	c, i, found := s.find(key)
	if !found {
		return false
	}
	chunk := s.chunks[c]
	copy(chunk[i:], chunk[i+1:])
	chunk[len(chunk)-1] = "" // for the garbage collector
	s.chunks[c] = chunk[:len(chunk)-1]
	s.length--
	s.merge(c)
	return true
}

// merge joins a chunk that has become small with one beside it.
func (s *Set) merge(c int) {
	size := len(s.chunks[c])
	left := max(c-1, 0)
	right := left + 1
	switch {
	case size > most/8:
	case size == 0:
		s.cut(c)
	case right < len(s.chunks) && len(s.chunks[left])+len(s.chunks[right]) <= most/2:
		s.chunks[left] = append(slices.Clone(s.chunks[left]), s.chunks[right]...)
		s.cut(right)
	}
}

// cut takes a chunk out.
func (s *Set) cut(c int) {
	copy(s.chunks[c:], s.chunks[c+1:])
	last := len(s.chunks) - 1
	s.chunks[last] = nil
	s.chunks = s.chunks[:last]
	if cap(s.chunks) > 4*last {
		s.chunks = append(make([][]string, 0, last), s.chunks...)
	}
}

// find returns the chunk and the place in it where key is, or belongs. There is
// a chunk.
func (s *Set) find(key string) (chunk, i int, found bool) {
	chunk = max(sort.Search(len(s.chunks), func(c int) bool { return s.chunks[c][0] > key })-1, 0)
	i, found = slices.BinarySearch(s.chunks[chunk], key)
	return chunk, i, found
}

// From calls visit for the strings from key on, in order, until it returns false.
// It must not change the set.
func (s *Set) From(key string, visit func(string) bool) {
	if len(s.chunks) > 0 {
		chunk, i, _ := s.find(key)
		s.visit(chunk, i, visit)
	}
}

// Skip is From without the first n strings.
func (s *Set) Skip(n uint, visit func(string) bool) {
	for c, chunk := range s.chunks {
		if n < uint(len(chunk)) {
			s.visit(c, int(n), visit)
			return
		}
		n -= uint(len(chunk))
	}
}

func (s *Set) visit(chunk, i int, visit func(string) bool) {
	for _, keys := range s.chunks[chunk:] {
		for _, key := range keys[min(i, len(keys)):] {
			if !visit(key) {
				return
			}
		}
		i = 0
	}
}
