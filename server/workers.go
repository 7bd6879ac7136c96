package server

import (
	"runtime"
	"sync"
)

// workers runs calls, each in a goroutine that has nothing else to do. A few
// goroutines stay to run the next calls: their stacks have grown already.
type workers struct {
	spare chan *call    // taken by idle goroutines
	idle  chan struct{} // one token for each goroutine that stays
	quit  chan struct{} // closed by stop
	all   sync.WaitGroup
}

func newWorkers() *workers {
	return &workers{
		spare: make(chan *call),
		idle:  make(chan struct{}, 8*runtime.GOMAXPROCS(0)),
		quit:  make(chan struct{}),
	}
}

// do runs a call. It does not wait for anything.
func (w *workers) do(k *call) {
	select {
	case w.spare <- k:
	default:
		w.all.Add(1)
		go w.work(k)
	}
}

func (w *workers) work(k *call) {
	defer w.all.Done()
	for {
		k.serve()
		select {
		case w.idle <- struct{}{}:
		default:
			return // enough are idle
		}
		select {
		case k = <-w.spare:
			<-w.idle
		case <-w.quit:
			return
		}
	}
}

// stop ends the idle goroutines. Calls must not be given to do any more.
func (w *workers) stop() { close(w.quit) }

// wait waits, after stop, for the goroutines that run calls.
func (w *workers) wait() { w.all.Wait() }
