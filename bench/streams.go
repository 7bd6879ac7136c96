package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// echoStream is the handler of every peer: it returns each message as it
// arrives, until there are no more.
func echoStream(s interface {
	Send(*echopb.Message) error
	Recv() (*echopb.Message, error)
}) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
}

// exchange sends a message and waits for it to come back.
func exchange(s stream, m *echopb.Message) error {
	if err := s.Send(m); err != nil {
		return err
	}
	return receive(s, m)
}

// receive waits for a message as long as the one that was sent.
func receive(s stream, sent *echopb.Message) error {
	m, err := s.Recv()
	if err != nil {
		return err
	}
	if len(m.GetBody()) != len(sent.Body) {
		return fmt.Errorf("%d bytes came back of %d", len(m.GetBody()), len(sent.Body))
	}
	return nil
}

// finish ends a stream, and waits until the other side has ended it too.
func finish(s stream) error {
	err := s.CloseSend()
	for err == nil {
		_, err = s.Recv()
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if c, ok := s.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// pingPong has one message on its way at a time.
type pingPong struct {
	stream  stream
	message *echopb.Message
}

func (p *pingPong) run(d time.Duration, into *histogram) error {
	start := time.Now()
	for now := time.Since(start); ; {
		if err := exchange(p.stream, p.message); err != nil {
			return err
		}
		end := time.Since(start)
		into.record(end - now)
		if now = end; now >= d {
			return nil
		}
	}
}

func (p *pingPong) close() error { return finish(p.stream) }

// pipelineWindow is how many messages a pipeline has on their way at most.
// Without a bound a stream would measure the depth of its peer's buffers.
const pipelineWindow = 128

// pipeline sends from one goroutine as fast as the window lets it, and
// receives on another.
type pipeline struct {
	stream  stream
	message *echopb.Message
}

func (p *pipeline) run(d time.Duration, into *histogram) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	onTheirWay := make(chan time.Duration, pipelineWindow) // when each was sent
	sent := make(chan error, 1)
	start := time.Now()
	go func() {
		defer close(onTheirWay)
		sent <- p.send(ctx, start, d, onTheirWay)
	}()
	for at := range onTheirWay {
		if err := receive(p.stream, p.message); err != nil {
			cancel()
			return errors.Join(err, <-sent)
		}
		into.record(time.Since(start) - at)
	}
	return <-sent
}

func (p *pipeline) send(ctx context.Context, start time.Time, d time.Duration, onTheirWay chan<- time.Duration) error {
	for now := time.Since(start); now < d; now = time.Since(start) {
		select {
		case onTheirWay <- now:
		case <-ctx.Done():
			return nil
		}
		if err := p.stream.Send(p.message); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) close() error { return finish(p.stream) }
