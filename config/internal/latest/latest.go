// Package latest passes news on to somebody who may be slow: when there is too
// much of it, the oldest is dropped.
package latest

import "sync"

// Queue holds the newest values that were pushed and not received.
type Queue[T any] struct {
	mu     sync.Mutex // one Push at a time
	values chan T
}

// NewQueue returns a queue of size values, at least one.
func NewQueue[T any](size int) *Queue[T] {
	return &Queue[T]{values: make(chan T, max(size, 1))}
}

// Push adds a value. It never blocks: a full queue loses its oldest value.
func (q *Queue[T]) Push(v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		select {
		case q.values <- v:
			return
		default:
		}
		select {
		case <-q.values:
		default: // somebody has just received it
		}
	}
}

// C delivers the values, oldest first. It is never closed.
func (q *Queue[T]) C() <-chan T { return q.values }
