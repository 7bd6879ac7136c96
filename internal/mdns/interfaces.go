package mdns

import (
	"net"
	"sync"
	"time"
)

// interfaces tells all links of the process when a network interface, or an
// address of one, comes or goes. It looks only while there are links.
var interfaces interfaceWatch

type interfaceWatch struct {
	mu    sync.Mutex
	links map[chan struct{}]struct{} // each with one slot
	stop  func()                     // ends the watching, and waits for it
}

// subscribe returns a channel that has something when interfaces may have
// changed, until it is given back to unsubscribe.
func (w *interfaceWatch) subscribe() chan struct{} {
	changed := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.links) == 0 {
		w.links = map[chan struct{}]struct{}{}
		w.stop = watchInterfaces(w.tell)
	}
	w.links[changed] = struct{}{}
	return changed
}

func (w *interfaceWatch) unsubscribe(changed chan struct{}) {
	w.mu.Lock()
	delete(w.links, changed)
	var stop func()
	if len(w.links) == 0 {
		stop, w.stop = w.stop, nil
	}
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (w *interfaceWatch) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for changed := range w.links {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

// pollInterfaces calls changed when a look at the interfaces shows others than the
// look before, until stop is called.
func pollInterfaces(changed func()) (stop func()) {
	done := make(chan struct{})
	var polling sync.WaitGroup
	polling.Go(func() {
		before := fingerprint()
		ticker := time.NewTicker(scanInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-done:
				return
			}
			if now := fingerprint(); now != before {
				before = now
				changed()
			}
		}
	})
	return func() {
		close(done)
		polling.Wait()
	}
}

// fingerprint is a text that changes when the interfaces do.
func fingerprint() string {
	_, text, err := usableInterfaces(nil, func(*net.Interface, error) {})
	if err != nil {
		return err.Error()
	}
	return text
}
