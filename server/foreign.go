package server

import (
	"context"
	"errors"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// errGivenUp stands for the error of a call that has not returned in time. That
// was logged.
var errGivenUp = errors.New("given up")

// errNoReturn is the error of a call that ended its goroutine.
var errNoReturn = errors.New("ended its goroutine (runtime.Goexit)")

// returnGrace is the time to return for a call whose context has ended.
const returnGrace = 100 * time.Millisecond

// foreign calls fn, which is not the server's: a registry, a broker, a transport
// or a check, which may take its time, or panic. It waits until fn returns or
// ctx is done. A call that does not return is left alone, which is logged.
func (r *run) foreign(ctx context.Context, what string, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		err := errNoReturn
		defer func() { result <- err }()
		err = guarded(fn)
	}()
	select {
	case err := <-result:
		logPanic(r.logger(), what, err)
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(returnGrace)
	defer grace.Stop()
	select {
	case err := <-result:
		return err
	case <-grace.C:
	}
	logger.LoggerOrDefault(r.logger()).Logf(logger.WarnLevel, "server: %s has not returned; going on without it: %v", what, context.Cause(ctx))
	return errGivenUp
}

func guarded(fn func() error) (err error) {
	defer recoverInto(&err)
	return fn()
}
