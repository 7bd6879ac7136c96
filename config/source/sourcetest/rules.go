package sourcetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
)

const (
	first  = `{"a":{"b":1},"c":["x","y"]}`
	second = `{"a":{"b":2}}`
)

func rules() []rule {
	return []rule{
		{sentence: "a source has a name", check: named},
		{sentence: "read returns what the source holds", check: read, needs: documents},
		{sentence: "a set has a format, the checksum of its data and a time", check: stamped},
		{sentence: "reading again returns the same", check: readAgain},
		{sentence: "a set that was read belongs to the caller", check: ownSet},
		{sentence: "writing what was read changes nothing", check: writeBack},
		{sentence: "read sees a change", check: readChange, needs: changes},
		{sentence: "a watcher tells of a change, with all there is", check: watchChange, needs: changes},
		{sentence: "every watcher is told", check: everyWatcher, needs: changes},
		{sentence: "stopping a watcher leaves the others alone", check: stopOne, needs: changes},
		{sentence: "stop unblocks next", check: unblock},
		{sentence: "next fails after stop", check: nextAfterStop},
		{sentence: "a watcher can be stopped again and again", check: stopAgain},
		{sentence: "a source can be used concurrently", check: concurrent},
	}
}

// holds fails unless set is the document.
func holds(set *source.ChangeSet, document string) error {
	if set == nil {
		return errors.New("there is no set")
	}
	r := json.NewReader()
	got, err := r.Merge(set)
	if err != nil {
		return err
	}
	want, err := r.Merge(&source.ChangeSet{Data: []byte(document), Format: "json"})
	if err != nil {
		return err
	}
	if string(got.Data) != string(want.Data) {
		return fmt.Errorf("got %s, want %s", got.Data, want.Data)
	}
	return nil
}

func named(t testing.TB, h Harness) error {
	if h.New(t, first).String() == "" {
		return errors.New("the name is empty")
	}
	return nil
}

func read(t testing.TB, h Harness) error {
	set, err := h.New(t, first).Read()
	if err != nil {
		return err
	}
	return holds(set, first)
}

func stamped(t testing.TB, h Harness) error {
	set, err := h.New(t, first).Read()
	if err != nil {
		return err
	}
	if set.Format == "" || set.Source == "" || set.Timestamp.IsZero() {
		return fmt.Errorf("format %q, source %q, time %v", set.Format, set.Source, set.Timestamp)
	}
	if set.Checksum != set.Sum() {
		return fmt.Errorf("the checksum is %q, want %q", set.Checksum, set.Sum())
	}
	return nil
}

func readAgain(t testing.TB, h Harness) error {
	s := h.New(t, first)
	one, err := s.Read()
	if err != nil {
		return err
	}
	two, err := s.Read()
	if err != nil {
		return err
	}
	if one.Checksum != two.Checksum || string(one.Data) != string(two.Data) || one.Format != two.Format {
		return fmt.Errorf("read %s, and then %s", one.Data, two.Data)
	}
	return nil
}

func ownSet(t testing.TB, h Harness) error {
	s := h.New(t, first)
	set, err := s.Read()
	if err != nil {
		return err
	}
	format := set.Format
	*set = source.ChangeSet{}
	again, err := s.Read()
	if err != nil {
		return err
	}
	if again.Format != format || len(again.Data) == 0 {
		return errors.New("changing a set changed what is read next")
	}
	return nil
}

func writeBack(t testing.TB, h Harness) error {
	s := h.New(t, first)
	before, err := s.Read()
	if err != nil {
		return err
	}
	if err := s.Write(before); err != nil {
		return err
	}
	after, err := s.Read()
	if err != nil {
		return err
	}
	if string(after.Data) != string(before.Data) {
		return fmt.Errorf("wrote %s, then read %s", before.Data, after.Data)
	}
	return nil
}

func readChange(t testing.TB, h Harness) error {
	s := h.New(t, first)
	h.Change(t, s, second)
	set, err := s.Read()
	if err != nil {
		return err
	}
	return holds(set, second)
}

// watched makes a source with n watchers, which are stopped with the test.
func watched(t testing.TB, h Harness, n int) (source.Source, []source.Watcher, error) {
	s := h.New(t, first)
	var watchers []source.Watcher
	for range n {
		w, err := s.Watch()
		if err != nil {
			return nil, nil, err
		}
		t.Cleanup(func() { _ = w.Stop() })
		watchers = append(watchers, w)
	}
	return s, watchers, nil
}

// result is that of a call of Next.
type result struct {
	set *source.ChangeSet
	err error
}

func next(w source.Watcher) <-chan result {
	results := make(chan result, 1)
	go func() {
		set, err := w.Next()
		results <- result{set, err}
	}()
	return results
}

// told fails unless Next returns the document, maybe after others.
func told(h Harness, w source.Watcher, document string) error {
	limit := time.After(h.settle())
	for {
		select {
		case r := <-next(w):
			if r.err != nil {
				return fmt.Errorf("next: %w", r.err)
			}
			if holds(r.set, document) == nil {
				return nil
			}
		case <-limit:
			return fmt.Errorf("the change was not told within %v", h.settle())
		}
	}
}

func watchChange(t testing.TB, h Harness) error {
	s, w, err := watched(t, h, 1)
	if err != nil {
		return err
	}
	for _, document := range []string{second, first, second} {
		h.Change(t, s, document)
		if err := told(h, w[0], document); err != nil {
			return err
		}
	}
	return nil
}

func everyWatcher(t testing.TB, h Harness) error {
	s, watchers, err := watched(t, h, 3)
	if err != nil {
		return err
	}
	h.Change(t, s, second)
	for _, w := range watchers {
		if err := told(h, w, second); err != nil {
			return err
		}
	}
	return nil
}

func stopOne(t testing.TB, h Harness) error {
	s, watchers, err := watched(t, h, 2)
	if err != nil {
		return err
	}
	if err := watchers[0].Stop(); err != nil {
		return err
	}
	h.Change(t, s, second)
	return told(h, watchers[1], second)
}

// ended fails unless Next ends with an error.
func ended(h Harness, results <-chan result) error {
	select {
	case r := <-results:
		if r.err == nil {
			return errors.New("next returned no error")
		}
		return nil
	case <-time.After(h.settle()):
		return fmt.Errorf("next still blocks after %v", h.settle())
	}
}

func unblock(t testing.TB, h Harness) error {
	_, w, err := watched(t, h, 1)
	if err != nil {
		return err
	}
	results := next(w[0])
	if err := w[0].Stop(); err != nil {
		return err
	}
	return ended(h, results)
}

func nextAfterStop(t testing.TB, h Harness) error {
	_, w, err := watched(t, h, 1)
	if err != nil {
		return err
	}
	if err := w[0].Stop(); err != nil {
		return err
	}
	for range 3 {
		if err := ended(h, next(w[0])); err != nil {
			return err
		}
	}
	return nil
}

func stopAgain(t testing.TB, h Harness) error {
	_, w, err := watched(t, h, 1)
	if err != nil {
		return err
	}
	for range 3 {
		if err := stop(w[0]); err != nil {
			return err
		}
	}
	return nil
}

// stop turns a panic of Stop into an error.
func stop(w source.Watcher) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("stop panicked: %v", p)
		}
	}()
	return w.Stop()
}

func concurrent(t testing.TB, h Harness) error {
	s := h.New(t, first)
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := s.Read()
			errs <- err
		})
		wg.Go(func() {
			w, err := s.Watch()
			if err != nil {
				errs <- err
				return
			}
			results := next(w)
			wg.Go(func() { _ = stop(w) })
			err = stop(w)
			errs <- errors.Join(err, ended(h, results))
		})
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}
