package registrytest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
)

// away is how long a backend is away.
const away = 200 * time.Millisecond

var outageRules = []conformance.Rule[Harness]{
	outageRule("what is registered is found again after the backend was away", func(tr *trial, begin, end func()) error {
		s := tr.service(tr.name(), "1.0.0", 2)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.found(tr.second, s.Name, s); err != nil {
			return err
		}
		for range 2 {
			begin()
			time.Sleep(away)
			end()
			if err := tr.foundAgain(s); err != nil {
				return fmt.Errorf("after the backend was away: %w", err)
			}
		}
		return nil
	}),
	outageRule("a lookup while the backend is away is an error or what was known", func(tr *trial, begin, end func()) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.found(tr.second, s.Name, s); err != nil {
			return err
		}
		begin()
		defer end()
		services, err := tr.second.GetService(s.Name)
		if errors.Is(err, registry.ErrNotFound) || err == nil && len(services) == 0 {
			return fmt.Errorf("the service is said not to be there (%v) when nobody could be asked", err)
		}
		return nil
	}),
	outageRule("a watcher goes on after the backend was away, or says that it ended", func(tr *trial, begin, end func()) error {
		name := tr.name()
		ev, err := tr.watch(registry.WatchService(name))
		if err != nil {
			return err
		}
		begin()
		time.Sleep(away)
		end()
		for i := 0; ; i++ {
			s := tr.service(name, "1.0.0", 1)
			if err := tr.eventually(func() error { return tr.register(s) }); err != nil {
				return err
			}
			select {
			case r := <-ev.results:
				if r.Service == nil || r.Service.Name != name {
					return fmt.Errorf("an event is about %v", r.Service)
				}
				return nil
			case err := <-ev.ended:
				ev.ended <- err
				if errors.Is(err, registry.ErrWatcherStopped) {
					return errors.New("Next says that the watcher was stopped, which it was not")
				}
				return nil
			case <-time.After(max(tr.patience()/20, 10*time.Millisecond)): // nobody may have listened yet
				if i >= 20 {
					return errors.New("no event for what was registered afterwards")
				}
			}
		}
	}),
}

// outageRule is a promise about a backend that goes away and comes back.
func outageRule(sentence string, check func(tr *trial, begin, end func()) error) conformance.Rule[Harness] {
	return conformance.Rule[Harness]{
		Sentence: sentence,
		Gap:      noOutage,
		Check: conformance.Returned(func(t testing.TB, h Harness) error {
			first, second, begin, end := h.Outage(t)
			return check(&trial{Harness: h, t: t, first: first, second: second}, begin, end)
		}),
	}
}

// foundAgain waits until the second registry shows the service, whatever it says
// before.
func (tr *trial) foundAgain(want *registry.Service) error {
	return tr.eventually(func() error {
		got, err := tr.second.GetService(want.Name)
		if err != nil {
			return err
		}
		if g, w := describe(got), describe([]*registry.Service{want}); g != w {
			return fmt.Errorf("GetService(%s) returns %s, want %s", want.Name, g, w)
		}
		return nil
	})
}
