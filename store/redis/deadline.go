package redis

import (
	"cmp"
	"context"
	"time"

	"github.com/justcy/go-micro/v4/store"
)

// deadline is a context that nobody can cancel. The client watches those that
// somebody can with a goroutine for each command, which takes it a quarter of its
// speed; this one it obeys by the deadlines of its connections alone.
type deadline struct {
	context.Context // that is not cancelled either
	at              time.Time
}

func (d deadline) Deadline() (time.Time, bool) { return d.at, true }

func (d deadline) Err() error {
	if time.Now().Before(d.at) {
		return nil
	}
	return context.DeadlineExceeded
}

// stepContext returns the context of one step of an operation.
func stepContext(o store.Options) (context.Context, context.CancelFunc) {
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	if _, ends := ctx.Deadline(); ends || ctx.Done() != nil {
		return o.OperationContext()
	}
	return deadline{ctx, time.Now().Add(cmp.Or(o.Timeout, store.DefaultTimeout))}, func() {}
}
