package relay_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/relay"
)

func TestAQuickServingKeepsTheReader(t *testing.T) {
	var r relay.Relay
	steps := 0
	r.Step = func() relay.Next {
		if steps++; steps > 100 {
			return relay.Over
		}
		if !r.Serve(func() {}) {
			return relay.Lost
		}
		return relay.More
	}
	r.Run()
	if steps != 101 {
		t.Errorf("%d steps", steps)
	}
}

func TestAnotherGoroutineReadsOnWhenServingTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r relay.Relay
		var step atomic.Int32
		served := false
		readOn := make(chan struct{})
		r.Step = func() relay.Next {
			switch step.Add(1) {
			case 1:
				if r.Serve(func() { <-readOn; served = true }) {
					t.Error("the goroutine that served for long still reads")
				}
				return relay.Lost
			case 2:
				close(readOn)
				return relay.More
			}
			return relay.Over
		}
		r.Run()
		if !served {
			t.Error("Run has not waited for what was served")
		}
	})
}

func TestReadingGoesOnWhenWhatIsServedEndsTheGoroutine(t *testing.T) {
	var r relay.Relay
	steps := 0
	r.Step = func() relay.Next {
		if steps++; steps == 1 {
			r.Serve(runtime.Goexit)
		}
		return relay.Over
	}
	ended := make(chan struct{})
	go func() { // Run itself ends with the goroutine that called it
		defer close(ended)
		r.Run()
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("nobody reads on")
	}
}

func TestReadingIsOverWhenItEndsTheGoroutine(t *testing.T) {
	var r relay.Relay
	r.Step = func() relay.Next {
		runtime.Goexit()
		return relay.More
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run()
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("Run has not ended")
	}
}

func TestARelayRunsAgain(t *testing.T) {
	var r relay.Relay
	served := 0
	r.Step = func() relay.Next {
		r.Serve(func() { served++ })
		return relay.Over
	}
	r.Run()
	r.Run()
	if served != 2 {
		t.Errorf("served %d times", served)
	}
}
