package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type valueKey struct{}

func newRequestContext(left time.Duration) *requestContext {
	c := &requestContext{Context: context.WithValue(context.Background(), valueKey{}, "v")}
	if left > 0 {
		c.deadline = time.Now().Add(left)
	}
	return c
}

func TestRequestContextBehavesAsAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRequestContext(time.Second)
		child, cancel := context.WithCancel(c)
		defer cancel()
		var ran atomic.Int64
		context.AfterFunc(c, func() { ran.Add(1) })
		stopped := context.AfterFunc(c, func() { ran.Add(100) })
		if !stopped() || stopped() {
			t.Error("stop reports the wrong thing")
		}
		if c.Err() != nil || c.Value(valueKey{}) != "v" || child.Value(valueKey{}) != "v" {
			t.Error("ended or without values")
		}
		if at, ok := child.Deadline(); !ok || !at.Equal(c.deadline) {
			t.Errorf("deadline of the child %v, %v", at, ok)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		<-c.Done()
		<-child.Done()
		for _, err := range []error{c.Err(), child.Err(), causeOf(c)} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		}
		if ran.Load() != 1 {
			t.Errorf("after functions ran: %d", ran.Load())
		}
	})
}

func TestRequestContextEndsWithoutBeingWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newRequestContext(time.Second)
		time.Sleep(time.Second)
		if !errors.Is(c.Err(), context.DeadlineExceeded) {
			t.Errorf("error %v", c.Err())
		}
		<-c.Done()
	})
}

func TestRequestContextIsCancelledOnce(t *testing.T) {
	cause := errors.New("cause")
	c := newRequestContext(time.Hour)
	done := c.Done()
	c.cancel(context.Canceled, cause)
	c.cancel(context.DeadlineExceeded, nil)
	<-done
	<-c.Done()
	if c.Err() != context.Canceled || causeOf(c) != cause {
		t.Errorf("%v, %v", c.Err(), causeOf(c))
	}
	ran := make(chan struct{})
	stop := context.AfterFunc(c, func() { close(ran) })
	<-ran
	if stop() {
		t.Error("stopped what had run")
	}
	child, cancel := context.WithTimeout(c, time.Hour)
	defer cancel()
	if child.Err() != context.Canceled {
		t.Errorf("child %v", child.Err())
	}
}
