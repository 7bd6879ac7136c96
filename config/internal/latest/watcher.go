package latest

import "sync"

// Watcher waits for news. What is pushed may be passed over, when it is no news to
// this watcher, and becomes a result otherwise. It is made by NewWatcher.
type Watcher[T, R any] struct {
	queue   *Queue[T]
	stopped chan struct{}
	stop    func()

	mu     sync.Mutex // keeps calls of result apart
	result func(T) (r R, isNews bool)
}

// NewWatcher returns a watcher for which at most size values wait. The function
// is called for one value at a time, by Next, and may remember it.
func NewWatcher[T, R any](size int, result func(T) (r R, isNews bool)) *Watcher[T, R] {
	stopped := make(chan struct{})
	return &Watcher[T, R]{
		queue:   NewQueue[T](size),
		stopped: stopped,
		stop:    sync.OnceFunc(func() { close(stopped) }),
		result:  result,
	}
}

// Push adds a value. It never blocks: the oldest gives way when too many wait.
func (w *Watcher[T, R]) Push(v T) { w.queue.Push(v) }

// Next waits for the next result. It is false once the watcher was stopped.
func (w *Watcher[T, R]) Next() (r R, ok bool) {
	for !w.isStopped() {
		select {
		case <-w.stopped:
		case v := <-w.queue.C():
			if r, isNews := w.of(v); isNews && !w.isStopped() {
				return r, true
			}
		}
	}
	return r, false
}

func (w *Watcher[T, R]) of(v T) (R, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.result(v)
}

func (w *Watcher[T, R]) isStopped() bool {
	select {
	case <-w.stopped:
		return true
	default:
		return false
	}
}

// Stop ends the watcher, and a Next in progress. It may be called again.
func (w *Watcher[T, R]) Stop() { w.stop() }
