//go:build unix

package soak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	callers   = 16
	streamers = 8

	callPause   = 2 * time.Millisecond  // at most, between two calls of a caller
	longestCall = 20 * time.Millisecond // of those that are cancelled
	longestStay = 60 * time.Millisecond // until the context of an abandoned stream ends
	maxMessages = 300                   // of a stream
)

// load is what the client does, and what went wrong.
type load struct {
	client client.Client
	seed   uint64

	mu       sync.Mutex
	failures []failure
	wrong    []string // answers that are not what they should be
	done     map[string]int
}

// failure is a call or a stream that failed.
type failure struct {
	what     string
	once     bool // it must not be repeated
	attempts []attempt
	err      error
}

// attempt is one attempt of a call, or a stream.
type attempt struct {
	node     string // empty when nothing came from it
	from, to time.Time
	err      error
}

type attemptsKey struct{}

// observed notes the attempts of a call.
func observed(next client.CallFunc) client.CallFunc {
	return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
		attempts, ok := ctx.Value(attemptsKey{}).(*[]attempt)
		if !ok {
			return next(ctx, node, req, rsp, opts)
		}
		a := attempt{node: strings.TrimPrefix(node.Id, serviceName+"-"), from: time.Now()}
		a.err = next(ctx, node, req, rsp, opts)
		a.to = time.Now()
		*attempts = append(*attempts, a)
		return a.err
	}
}

// never is the retry of calls that must not run twice.
func never(context.Context, client.Request, int, error) (bool, error) { return false, nil }

// run keeps callers and streamers busy until the context ends.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range callers + streamers {
		r := rand.New(rand.NewPCG(l.seed, uint64(i)))
		one := l.call
		if i >= callers {
			one = l.stream
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				one(r)
				time.Sleep(upTo(r, callPause))
			}
		})
	}
	wg.Wait()
}

// call makes one call.
func (l *load) call(r *rand.Rand) {
	f := failure{once: r.IntN(3) == 0}
	endpoint, size := "Echo", bodySize(r)
	if r.IntN(4) == 0 {
		endpoint, size = "Linger", r.IntN(256)
	}
	f.what = fmt.Sprintf("Soak.%s of %d bytes", endpoint, size)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), attemptsKey{}, &f.attempts))
	defer cancel()
	cancelled := r.IntN(10) == 0
	if cancelled {
		timer := time.AfterFunc(upTo(r, longestCall), cancel)
		defer timer.Stop()
	}
	var opts []client.CallOption
	if f.once {
		opts = append(opts, client.WithRetry(never))
	}
	body := noise[:size]
	var rsp wrapperspb.BytesValue
	f.err = l.client.Call(ctx, l.client.NewRequest(serviceName, "Soak."+endpoint, wrapperspb.Bytes(body)), &rsp, opts...)
	switch {
	case f.err == nil && !bytes.Equal(rsp.Value, body):
		l.note("wrong calls", nil, fmt.Sprintf("%s was answered with %d other bytes", f.what, len(rsp.Value)))
	case f.err == nil:
		l.note("calls", nil, "")
	case cancelled && ctx.Err() != nil && errors.Is(f.err, context.Canceled):
		l.note("cancelled calls", nil, "")
	default:
		l.note("failed calls", &f, "")
	}
}

func upTo(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d)))
}

func bodySize(r *rand.Rand) int {
	switch n := r.IntN(200); {
	case n == 0:
		return 1 << 20
	case n < 20:
		return 64 << 10
	case n < 60:
		return 0
	default:
		return 128
	}
}

// note counts an outcome, and keeps what went wrong.
func (l *load) note(outcome string, f *failure, wrong string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[outcome]++
	if f != nil {
		l.failures = append(l.failures, *f)
	}
	if wrong != "" {
		l.wrong = append(l.wrong, wrong)
	}
}

// excused reports whether a call may fail: the connection on which a node had it was
// lost when that was killed, and it must not be repeated, or was once already. See
// docs/adr/0005-which-attempts-are-repeated.md.
func (f *failure) excused(n *nodes) bool {
	allowed := 2
	if f.once {
		allowed = 1
	}
	cut := 0
	for _, a := range f.attempts {
		if lost(a.err) && n.cutOff(a.node, a.from, a.to) {
			cut++
		}
	}
	return cut >= allowed
}

// lost reports whether a connection was lost that had been made.
func lost(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// describe says what happened to the call, with times since began.
func (f *failure) describe(began time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", f.what, f.err)
	for _, a := range f.attempts {
		fmt.Fprintf(&b, "\n\ton node %q from %v to %v: %v", a.node, a.from.Sub(began), a.to.Sub(began), a.err)
	}
	return b.String()
}
