package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// openers is how many goroutines open idle streams.
const openers = 16

// idleLoad opens streams and has each carry one message, so that both ends
// stand. They are silent then.
type idleLoad struct {
	opener  streamer
	size    int
	streams []stream
}

func newIdleLoad(s streamer, n, size int) *idleLoad {
	return &idleLoad{opener: s, size: size, streams: make([]stream, n)}
}

// run opens all streams, however long that takes.
func (l *idleLoad) run(_ time.Duration, into *histogram) error {
	errs := make([]error, openers)
	parts := make([]histogram, openers)
	var running sync.WaitGroup
	for i := range openers {
		running.Go(func() { errs[i] = openEach(l.opener, l.streams, i, l.size, &parts[i]) })
	}
	running.Wait()
	for i := range parts {
		into.add(&parts[i])
	}
	return errors.Join(errs...)
}

func (l *idleLoad) close() error { return finishAll(l.streams) }

// measureIdle counts what n streams hold while they are silent.
func measureIdle(r runner, n int) (sample, error) {
	before, err := r.memory()
	if err != nil {
		return sample{}, err
	}
	result, err := r.run(0)
	if err != nil {
		return sample{}, err
	}
	after, err := r.memory()
	result.Bytes = float64(int64(after)-int64(before)) / float64(n)
	return result, err
}

// openEach opens every stream whose number modulo openers is first.
func openEach(s streamer, streams []stream, first, size int, took *histogram) error {
	m := newMessage(size)
	for i := first; i < len(streams); i += openers {
		start := time.Now()
		opened, err := s.stream(context.Background())
		if err != nil {
			return fmt.Errorf("open stream %d: %w", i, err)
		}
		streams[i] = opened
		if err := exchange(opened, m); err != nil {
			return fmt.Errorf("first message of stream %d: %w", i, err)
		}
		took.record(time.Since(start))
	}
	return nil
}

// finishAll ends the streams that were opened.
func finishAll(streams []stream) error {
	errs := make([]error, openers)
	var running sync.WaitGroup
	for first := range openers {
		running.Go(func() {
			for i := first; i < len(streams); i += openers {
				if streams[i] == nil {
					continue
				}
				if err := finish(streams[i]); err != nil && errs[first] == nil {
					errs[first] = fmt.Errorf("finish stream %d: %w", i, err)
				}
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
