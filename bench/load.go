package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// A load is work of one peer that can be done for a while.
type load interface {
	// run works until the time is over and what was begun is finished, and
	// adds how long each piece took to the histogram.
	run(d time.Duration, into *histogram) error
	// close ends what the load has opened.
	close() error
}

// newLoad makes the load of a scenario.
func newLoad(s session, sc scenario) (load, error) {
	switch sc.name {
	case casePingPong, casePipelined, caseIdle:
	default:
		return newCalls(s, sc.callers, sc.size), nil
	}
	opener, ok := s.(streamer)
	if !ok {
		return nil, errors.New("no streams")
	}
	if sc.name == caseIdle {
		return newIdleLoad(opener, sc.callers, sc.size), nil
	}
	opened, err := opener.stream(context.Background())
	if err != nil {
		return nil, err
	}
	if sc.name == casePingPong {
		return &pingPong{stream: opened, message: newMessage(sc.size)}, nil
	}
	return &pipeline{stream: opened, message: newMessage(sc.size)}, nil
}

// newMessage returns a message with a body that does not compress.
func newMessage(size int) *echopb.Message {
	body := make([]byte, size)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(body) // never fails
	return &echopb.Message{Body: body}
}

// calls is a closed loop: each caller makes its next call when the one before
// has come back.
type calls struct {
	session session
	callers []caller
}

// A caller has a message and a histogram of its own.
type caller struct {
	message *echopb.Message
	took    histogram
	err     error
}

func newCalls(s session, callers, size int) *calls {
	c := &calls{session: s, callers: make([]caller, callers)}
	for i := range c.callers {
		c.callers[i].message = newMessage(size)
	}
	return c
}

func (c *calls) run(d time.Duration, into *histogram) error {
	var running sync.WaitGroup
	start := time.Now()
	for i := range c.callers {
		one := &c.callers[i]
		one.took.reset()
		running.Go(func() { one.err = one.loop(c.session, i, start, d) })
	}
	running.Wait()
	for i := range c.callers {
		if err := c.callers[i].err; err != nil {
			return err
		}
		into.add(&c.callers[i].took)
	}
	return nil
}

// loop makes at least one call. It reads the clock once a call: the end of one
// is the start of the next.
func (c *caller) loop(s session, number int, start time.Time, d time.Duration) error {
	ctx := context.Background()
	for now := time.Since(start); ; {
		n, err := s.call(ctx, number, c.message)
		if err != nil {
			return err
		}
		if n != len(c.message.Body) {
			return fmt.Errorf("%d bytes came back of %d", n, len(c.message.Body))
		}
		end := time.Since(start)
		c.took.record(end - now)
		if now = end; now >= d {
			return nil
		}
	}
}

func (c *calls) close() error { return nil }
