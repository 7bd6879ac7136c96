// Package budget counts bytes that several owners hold together.
package budget

import (
	"fmt"
	"sync/atomic"
)

// Budget is a number of bytes of which no more than a limit may be held at a
// time. Its methods may be called concurrently, also on nil, which has no limit.
type Budget struct {
	limit int64
	held  atomic.Int64
}

// Holder is what has a budget to share, such as a listener.
type Holder interface{ Budget() *Budget }

// New returns a budget of limit bytes.
func New(limit int) *Budget { return &Budget{limit: int64(limit)} }

// Take claims n bytes, or nothing when that would be more than the limit.
func (b *Budget) Take(n int) bool {
	if b == nil {
		return true
	}
	if b.held.Add(int64(n)) > b.limit {
		b.held.Add(int64(-n))
		return false
	}
	return true
}

// Force claims n bytes although that may be more than the limit.
func (b *Budget) Force(n int) { b.Give(-n) }

// Give returns n bytes.
func (b *Budget) Give(n int) {
	if b != nil && n != 0 {
		b.held.Add(int64(-n))
	}
}

// Limit is the number of bytes that may be held.
func (b *Budget) Limit() int {
	if b == nil {
		return 0
	}
	return int(b.limit)
}

// Full says that the limit is reached.
func (b *Budget) Full() string {
	return fmt.Sprintf("more than %d bytes are held for all connections", b.Limit())
}

// Held is the number of bytes that are held.
func (b *Budget) Held() int {
	if b == nil {
		return 0
	}
	return int(b.held.Load())
}
