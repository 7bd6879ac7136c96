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

// measureIdle opens n streams, has each carry one message so that both ends
// stand, and counts what is held while they are silent.
func measureIdle(p peer, n, size int) (_ sample, err error) {
	before := memoryInUse()
	s, err := p.open(setup{callers: openers})
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	opener, ok := s.(streamer)
	if !ok {
		return sample{}, errors.New("no streams")
	}
	took := new(histogram)
	start := usageNow()
	streams, err := openStreams(opener, n, size, took)
	result := newSample(start, usageNow(), took)
	result.bytes = float64(int64(memoryInUse())-int64(before)) / float64(n)
	return result, errors.Join(err, finishAll(streams))
}

func openStreams(s streamer, n, size int, took *histogram) ([]stream, error) {
	streams := make([]stream, n)
	errs := make([]error, openers)
	parts := make([]histogram, openers)
	var running sync.WaitGroup
	for i := range openers {
		running.Go(func() { errs[i] = openEach(s, streams, i, size, &parts[i]) })
	}
	running.Wait()
	for i := range parts {
		took.add(&parts[i])
	}
	return streams, errors.Join(errs...)
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
