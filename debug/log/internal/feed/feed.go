// Package feed passes values on to whoever listens, without ever waiting for a
// listener.
package feed

import "sync"

// Capacity is how many values a listener's channel holds.
const Capacity = 128

// Feed has listeners. The zero Feed is ready for use; it is safe for concurrent
// use.
type Feed[T any] struct {
	mu        sync.Mutex
	listeners map[*Listener[T]]struct{}
}

// Send offers v to every listener. One whose channel is full misses it.
func (f *Feed[T]) Send(v T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l := range f.listeners {
		select {
		case l.values <- v:
		default:
		}
	}
}

// Listen returns a new listener. It gets first, of which at most Capacity
// values count, and then everything that is sent.
func (f *Feed[T]) Listen(first ...T) *Listener[T] {
	l := &Listener[T]{feed: f, values: make(chan T, Capacity)}
	for _, v := range first[:min(len(first), Capacity)] {
		l.values <- v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listeners == nil {
		f.listeners = make(map[*Listener[T]]struct{})
	}
	f.listeners[l] = struct{}{}
	return l
}

// Listener receives the values of a Feed.
type Listener[T any] struct {
	feed   *Feed[T]
	values chan T
}

// Chan returns the channel of values, which Stop closes.
func (l *Listener[T]) Chan() <-chan T {
	return l.values
}

// Stop ends the listening and closes the channel. It may be repeated and never
// fails.
func (l *Listener[T]) Stop() error {
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	if _, listening := l.feed.listeners[l]; listening {
		delete(l.feed.listeners, l)
		close(l.values)
	}
	return nil
}
