package lease

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// contest is the attempts to take one hold.
type contest struct {
	session *session
	ctx     context.Context // ends the contest at once
	waiting context.Context // ends the waiting: ctx, or sooner
	hold    *Hold

	asked  time.Time // when the last attempt began
	heard  time.Time // when the backend last answered
	unsure error     // of the last attempt, if it failed: the hold may be taken all the same
}

// win returns when the hold is taken. What the backend may have taken without
// saying so is freed when it fails.
func (c *contest) win() error {
	taken, _, err := c.try(tryFor)
	if err == nil && !taken {
		err = c.wait()
	}
	if err != nil && c.unsure != nil {
		c.session.abandon(c.hold)
	}
	return err
}

// wait tries until the hold is taken. The backend may fail for a while.
func (c *contest) wait() error {
	if err := context.Cause(c.waiting); err != nil {
		return err
	}
	freed, stop := c.session.backend.Watch(c.hold.Key)
	defer stop()
	var pause time.Duration // at first none: it may have been freed before Watch
	for {
		if err := wait(c.waiting, freed, pause); err != nil {
			return c.because(err, c.unsure)
		}
		taken, again, err := c.try(0)
		pause = again
		switch {
		case taken:
			return nil
		case err == nil:
		case c.waiting.Err() != nil || time.Since(c.heard) > c.session.patience:
			return err
		default:
			pause = c.session.patience / 20
		}
	}
}

// try makes one attempt, which may go on for a while when the waiting is over.
func (c *contest) try(atLeast time.Duration) (taken bool, again time.Duration, err error) {
	c.asked = time.Now()
	deadline := c.asked.Add(c.session.patience)
	if over, ok := c.waiting.Deadline(); ok && over.Before(deadline) {
		deadline = over
		if least := c.asked.Add(atLeast); over.Before(least) {
			deadline = least
		}
	}
	ctx, cancel := context.WithDeadline(c.ctx, deadline)
	defer cancel()
	taken, again, err = c.session.backend.Take(ctx, c.hold)
	c.unsure = err
	if err != nil {
		return false, 0, c.explain(ctx, err)
	}
	c.heard = time.Now()
	return taken, again, nil
}

// explain says why an attempt failed: some contexts end before the backend has
// answered.
func (c *contest) explain(attempt context.Context, err error) error {
	if attempt.Err() == nil {
		return err
	}
	if over, ok := c.waiting.Deadline(); ok && !time.Now().Before(over) {
		<-c.waiting.Done() // at once: both timers are due
	}
	if cause := context.Cause(c.waiting); cause != nil {
		return c.because(cause, err)
	}
	return err
}

// because adds what went wrong to the reason why the contest is over.
func (*contest) because(cause, failed error) error {
	switch {
	case failed == nil:
		return cause
	case errors.Is(failed, cause):
		return failed
	}
	return fmt.Errorf("%w: %w", cause, failed)
}
