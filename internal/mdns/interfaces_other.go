//go:build !linux

package mdns

import (
	"sync"
	"time"
)

// watchInterfaces calls changed when a look at the interfaces shows others than the
// look before, until stop is called.
func watchInterfaces(changed func()) (stop func()) {
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
	_, text, err := usableInterfaces(nil, func(string, ...any) {})
	if err != nil {
		return err.Error()
	}
	return text
}
