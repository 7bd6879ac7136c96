//go:build unix

package soak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
)

// stream opens one stream, and abandons every third: its context ends, by its
// deadline or because it is cancelled, and nobody closes it.
func (l *load) stream(r *rand.Rand) {
	f := failure{once: true, what: "Soak.Chat", attempts: []attempt{{from: time.Now()}}}
	talk := chat
	if r.IntN(2) == 0 {
		f.what, talk = "Soak.Pour", pour
	}
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	abandoned := r.IntN(3) == 0
	switch {
	case abandoned && r.IntN(2) == 0:
		ctx, cancel = context.WithTimeout(ctx, upTo(r, longestStay))
		defer cancel()
	case abandoned:
		time.AfterFunc(upTo(r, longestStay), cancel)
	}
	err := l.talk(ctx, r, &f.attempts[0].node, f.what, talk, abandoned)
	f.attempts[0].to, f.attempts[0].err, f.err = time.Now(), err, err
	switch wrong := (wrongAnswer)(""); {
	case errors.As(err, &wrong):
		l.note("wrong streams", nil, f.what+" of "+f.attempts[0].node+": "+string(wrong))
	case err == nil && abandoned:
		l.note("streams left open", nil, "")
	case err == nil:
		l.note("streams", nil, "")
	case abandoned && errors.Is(err, errLeft):
		l.note("abandoned streams", nil, "")
	case abandoned && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		l.note("abandoned streams", nil, "")
	default:
		l.note("failed streams", &f, "")
	}
	if abandoned { // whoever does so leaves it to the context
		<-ctx.Done()
	}
}

// wrongAnswer is what a stream should not have said.
type wrongAnswer string

func (w wrongAnswer) Error() string { return string(w) }

// errLeft is why a stream was abandoned while nobody received from it.
var errLeft = errors.New("nobody wants the rest")

// abandoner is a stream that nobody closes, and from which nobody receives any more
// after some messages.
type abandoner struct {
	client.Stream
	left int
}

func (a *abandoner) Close() error { return nil }

func (a *abandoner) Recv(m any) error {
	if a.left--; a.left < 0 {
		return errLeft
	}
	return a.Stream.Recv(m)
}

// talk opens a stream, learns which node it is on, and has it used.
func (l *load) talk(ctx context.Context, r *rand.Rand, node *string, endpoint string, use func(client.Stream, *rand.Rand) error, abandoned bool) error {
	s, err := l.client.Stream(ctx, l.client.NewRequest(serviceName, endpoint, new(wrapperspb.BytesValue)))
	if err != nil {
		return err
	}
	if abandoned {
		s = &abandoner{s, r.IntN(maxMessages)}
	}
	defer func() { _ = s.Close() }()
	var id wrapperspb.BytesValue
	if err := s.Recv(&id); err != nil {
		return fmt.Errorf("before the first message: %w", err)
	}
	*node = string(id.Value)
	if err := use(s, r); err != nil {
		return err
	}
	var more wrapperspb.BytesValue
	if err := s.Recv(&more); err == nil {
		return wrongAnswer("a message after the last")
	} else if err != io.EOF {
		return fmt.Errorf("instead of the end: %w", err)
	}
	return nil
}

// chat sends messages while it expects the same back.
func chat(s client.Stream, r *rand.Rand) error {
	sizes := make([]int, r.IntN(maxMessages))
	for i := range sizes {
		sizes[i] = messageSize(r)
	}
	sent := make(chan error, 1)
	go func() { sent <- say(s, sizes) }()
	for i, size := range sizes {
		if err := expect(s, i, size); err != nil {
			_ = s.Close() // else it may be open, and the other one wait
			<-sent
			return err
		}
	}
	return <-sent
}

// say sends messages, and that they are all.
func say(s client.Stream, sizes []int) error {
	for i, size := range sizes {
		if err := s.Send(wrapperspb.Bytes(numbered(i, size))); err != nil {
			return fmt.Errorf("sending message %d of %d: %w", i, len(sizes), err)
		}
	}
	return s.CloseSend()
}

func messageSize(r *rand.Rand) int {
	if r.IntN(50) == 0 {
		return 64 << 10
	}
	return r.IntN(512)
}

// pour has the node send messages.
func pour(s client.Stream, r *rand.Rand) error {
	n, size := r.IntN(maxMessages), messageSize(r)
	order := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(n)), uint32(size))
	if err := s.Send(wrapperspb.Bytes(order)); err != nil {
		return fmt.Errorf("asking for messages: %w", err)
	}
	for i := range n {
		if err := expect(s, i, size); err != nil {
			return err
		}
	}
	return nil
}

// expect receives message i.
func expect(s client.Stream, i, size int) error {
	var m wrapperspb.BytesValue
	if err := s.Recv(&m); err == io.EOF {
		return wrongAnswer(fmt.Sprintf("it ended before message %d", i))
	} else if err != nil {
		return fmt.Errorf("receiving message %d: %w", i, err)
	}
	if !bytes.Equal(m.Value, numbered(i, size)) {
		return wrongAnswer(fmt.Sprintf("message %d of %d bytes is another, of %d bytes that begin with %.8x", i, 8+size, len(m.Value), m.Value))
	}
	return nil
}
