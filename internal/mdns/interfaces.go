package mdns

import "sync"

// interfaces tells all links of the process when a network interface, or an
// address of one, comes or goes. It looks only while there are links.
var interfaces interfaceWatch

type interfaceWatch struct {
	mu    sync.Mutex
	links map[chan struct{}]struct{} // each with one slot
	stop  func()                     // ends the watching, and waits for it
}

// subscribe returns a channel that has something when interfaces may have changed,
// until it is given back to unsubscribe; nil when nobody can tell.
func (w *interfaceWatch) subscribe() chan struct{} {
	changed := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.links) == 0 {
		w.links = map[chan struct{}]struct{}{}
		if w.stop = watchInterfaces(w.tell); w.stop == nil {
			return nil
		}
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
