// Package ordered keeps strings in order.
package ordered

import (
	"iter"
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
	chunk := slices.Insert(s.chunks[c], i, key)
	s.chunks[c] = chunk
	s.length++
	if half := most / 2; len(chunk) > most {
		if c == len(s.chunks)-1 && i == len(chunk)-1 {
			half = most // strings that come in order leave full chunks
		}
		s.chunks = slices.Insert(s.chunks, c+1, slices.Clone(chunk[half:]))
		s.chunks[c] = slices.Clone(chunk[:half])
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
	s.chunks[c] = slices.Delete(s.chunks[c], i, i+1)
	s.length--
	s.merge(c)
	return true
}

// merge joins a chunk that has become small with one beside it.
func (s *Set) merge(c int) {
	size := len(s.chunks[c])
	if size > most/8 {
		return
	}
	if size == 0 {
		s.chunks = slices.Delete(s.chunks, c, c+1)
		if cap(s.chunks) > 4*len(s.chunks) {
			s.chunks = slices.Clip(slices.Clone(s.chunks))
		}
		return
	}
	left := max(c-1, 0)
	if right := left + 1; right < len(s.chunks) && len(s.chunks[left])+len(s.chunks[right]) <= most/2 {
		s.chunks[left] = slices.Concat(s.chunks[left], s.chunks[right])
		s.chunks = slices.Delete(s.chunks, right, right+1)
	}
}

// find returns the chunk and the place in it where key is, or belongs. There is
// a chunk.
func (s *Set) find(key string) (chunk, i int, found bool) {
	chunk = max(sort.Search(len(s.chunks), func(c int) bool { return s.chunks[c][0] > key })-1, 0)
	i, found = slices.BinarySearch(s.chunks[chunk], key)
	return chunk, i, found
}

// From yields the strings from key on, in order. The set must not change
// meanwhile.
func (s *Set) From(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(s.chunks) == 0 {
			return
		}
		chunk, i, _ := s.find(key)
		s.yieldFrom(chunk, i, yield)
	}
}

// Skip yields the strings without the first n, in order. The set must not change
// meanwhile.
func (s *Set) Skip(n uint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for c, chunk := range s.chunks {
			if n < uint(len(chunk)) {
				s.yieldFrom(c, int(n), yield)
				return
			}
			n -= uint(len(chunk))
		}
	}
}

func (s *Set) yieldFrom(chunk, i int, yield func(string) bool) {
	for _, keys := range s.chunks[chunk:] {
		for _, key := range keys[min(i, len(keys)):] {
			if !yield(key) {
				return
			}
		}
		i = 0
	}
}
