package client

import (
	"context"
	"net/http"

	"github.com/justcy/go-micro/v4/errors"
)

// RetryFunc decides whether an attempt that failed with err is repeated;
// retryCount is the number of the attempt, from 0. An error that it returns
// ends the call and is what the caller gets.
type RetryFunc func(ctx context.Context, req Request, retryCount int, err error) (bool, error)

// RetryAlways repeats every attempt that failed. Handlers may then run more
// than once for one call.
func RetryAlways(_ context.Context, _ Request, _ int, _ error) (bool, error) {
	return true, nil
}

// RetryOnError repeats attempts that timed out, that is, whose error says code
// 408, as that of a client does and one that a handler made so; a deadline of the
// handler's own that it returns as it is does not. An attempt whose connection was
// lost before the reply came is repeated once a call: the node crashed, or was
// killed, and as after a time-out nobody knows whether the handler ran. Once,
// because a request that crashes its server must not go on to crash them all. Any
// other 500 is the business of the service and its callers and is not repeated.
func RetryOnError(ctx context.Context, _ Request, _ int, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	timedOut := errors.Parse(err.Error()).GetCode() == http.StatusRequestTimeout
	return timedOut || callOf(ctx).lostOnce(), nil
}
