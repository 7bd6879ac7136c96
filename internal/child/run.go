package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// abortGrace is how long a program that is run to its end may take to stop
	// when its context ends.
	abortGrace = 2 * time.Second
	// drainLimit is how long outputs are read that somebody outside of the group
	// holds open.
	drainLimit = time.Second
	// maxOutput is how many bytes of the beginning and of the end of an output
	// are kept.
	maxOutput = 32 << 10
)

// Run runs a program to its end, with nothing to read, and copies what it writes.
// The writers are used by one goroutine each; nil drops the output. When ctx ends
// the program is stopped and the error is that of ctx.
func Run(ctx context.Context, spec Spec, stdout, stderr io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if spec.Grace <= 0 {
		spec.Grace = abortGrace
	}
	c, err := Start(spec)
	if err != nil {
		return err
	}
	c.Stdin.Close()
	var copies sync.WaitGroup
	copies.Go(func() { drain(stdout, c.Stdout) })
	copies.Go(func() { drain(stderr, c.Stderr) })
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { _ = c.Stop(expiry(abortGrace)) })
		defer stop()
	}
	<-c.Done()
	limit := time.Now().Add(drainLimit)
	_ = c.Stdout.SetReadDeadline(limit)
	_ = c.Stderr.SetReadDeadline(limit)
	copies.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Err()
}

// expiry is closed after d.
func expiry(d time.Duration) <-chan struct{} {
	expired := make(chan struct{})
	time.AfterFunc(d, func() { close(expired) })
	return expired
}

// drain reads r to its end, whatever w says.
func drain(w io.Writer, r io.ReadCloser) {
	defer r.Close()
	if w != nil {
		if _, err := io.Copy(w, r); err == nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, r)
}

// Output is Run that returns the standard output; the error has what the program
// wrote besides.
func Output(ctx context.Context, spec Spec) (string, error) {
	var out, all Buffer
	err := Run(ctx, spec, io.MultiWriter(&out, &all), &all)
	return out.String(), explain(err, &all)
}

// Combined is Run that returns both outputs; the error has them as well.
func Combined(ctx context.Context, spec Spec) (string, error) {
	var all Buffer
	err := Run(ctx, spec, &all, &all)
	return all.String(), explain(err, &all)
}

func explain(err error, all *Buffer) error {
	if text := strings.TrimSpace(all.String()); err != nil && text != "" {
		return fmt.Errorf("%w: %s", err, text)
	}
	return err
}

// Buffer keeps the first and the last 32 KiB of what is written to it. The zero
// Buffer is empty; it may be written to concurrently.
type Buffer struct {
	mu      sync.Mutex
	head    []byte
	tail    []byte
	dropped bool
}

// Write never fails.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(p), maxOutput-len(b.head))
	b.head = append(b.head, p[:n]...)
	b.tail = append(b.tail, p[n:]...)
	if over := len(b.tail) - maxOutput; over > 0 {
		b.tail = append(b.tail[:0], b.tail[over:]...)
		b.dropped = true
	}
	return len(p), nil
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dropped {
		return string(append(bytes.Clone(b.head), b.tail...))
	}
	return string(b.head) + "\n[…]\n" + string(b.tail)
}
