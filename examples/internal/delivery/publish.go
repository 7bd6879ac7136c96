package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
)

const (
	// trickle is the pause between messages while a publisher waits to be told on.
	trickle = 2 * time.Millisecond
	// relief is the pause after the broker gave something up, as its receivers
	// do not keep up.
	relief = 100 * time.Millisecond
)

// publish sends the first half of its numbers, slows down until a line arrives
// on the standard input, and sends the rest. What the broker reports as given
// up is published again, until everything was taken.
func publish(service micro.Service, s settings, lost *lost) error {
	p := publisher{event: micro.NewEvent(s.topic, service.Client()), lost: lost}
	half := s.from + (s.to-s.from)/2
	if err := p.publish(s.from, half); err != nil {
		return err
	}
	fmt.Println("half")
	told := make(chan struct{})
	go func() {
		bufio.NewScanner(os.Stdin).Scan()
		close(told)
	}()
	next := half + 1
	for waiting := true; waiting && next <= s.to; next++ {
		if err := p.publish(next, next); err != nil {
			return err
		}
		select {
		case <-told:
			waiting = false
		case <-time.After(trickle):
		}
	}
	if err := p.publish(next, s.to); err != nil {
		return err
	}
	return p.finish(service.Options().Broker)
}

type publisher struct {
	event micro.Event
	lost  *lost
	again int // messages published again
}

// publish sends the numbers from one to another, and what was given up before.
func (p *publisher) publish(from, to int) error {
	for n := from; n <= to; n++ {
		if err := p.send(n); err != nil {
			return err
		}
		if err := p.repeat(); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) send(n int) error {
	if err := p.event.Publish(context.Background(), encode(n)); err != nil {
		return fmt.Errorf("publishing %d: %w", n, err)
	}
	return nil
}

func (p *publisher) repeat() error {
	numbers := p.lost.take()
	if len(numbers) > 0 {
		time.Sleep(relief)
	}
	for _, n := range numbers {
		p.again++
		if err := p.send(n); err != nil {
			return err
		}
	}
	return nil
}

// finish disconnects, which delivers what is on its way, until nothing is left.
func (p *publisher) finish(b broker.Broker) error {
	for {
		err := b.Disconnect()
		undelivered := new(broker.UndeliveredError)
		if err != nil && !errors.As(err, &undelivered) {
			return err
		}
		if err == nil && p.lost.empty() {
			fmt.Printf("published again: %d\n", p.again)
			return nil
		}
		if err := b.Connect(); err != nil {
			return err
		}
		if err := p.repeat(); err != nil {
			return err
		}
	}
}

// lost collects the numbers that the broker gave up.
type lost struct {
	mu      sync.Mutex
	numbers []int
}

func newLost() *lost { return new(lost) }

// broker returns a broker that reports to l.
func (l *lost) broker() broker.Broker {
	return broker.NewBroker(broker.ErrorHandler(func(e broker.Event) error {
		n, err := strconv.Atoi(string(e.Message().Body))
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "given up: %d: %v\n", n, e.Error())
		l.mu.Lock()
		defer l.mu.Unlock()
		l.numbers = append(l.numbers, n)
		return nil
	}))
}

func (l *lost) take() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	numbers := l.numbers
	l.numbers = nil
	return numbers
}

func (l *lost) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.numbers) == 0
}
