package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
)

// queryTimeout is how long answers are collected by default.
const queryTimeout = time.Second

// QueryParam says what to look for and how.
type QueryParam struct {
	// Service is the name of the service. It is required.
	Service string

	// Domain is where to look; empty means "local".
	Domain string

	// Type is the type of the question; 0 means PTR.
	Type uint16

	// Context ends the query when it is done.
	Context context.Context

	// Timeout is how long answers are collected when there is no Context; 0
	// means one second.
	Timeout time.Duration

	// Interface restricts the query to one interface; nil means all.
	Interface *net.Interface

	// Entries receives what is found. The query waits until an entry is taken
	// and never closes the channel. It is required.
	Entries chan<- *ServiceEntry

	// WantUnicastResponse asks for answers by unicast, for networks where
	// multicasts are many or slow.
	WantUnicastResponse bool
}

// DefaultParams returns the parameters of a query for service with the defaults.
func DefaultParams(service string) *QueryParam {
	return &QueryParam{
		Service: service,
		Domain:  strings.TrimSuffix(defaultDomain, "."),
		Timeout: queryTimeout,
		Entries: make(chan *ServiceEntry),
	}
}

// Lookup queries for service with the default parameters.
func Lookup(service string, entries chan<- *ServiceEntry) error {
	params := DefaultParams(service)
	params.Entries = entries
	return Query(params)
}

// Query asks for a service and sends every instance that is found to
// params.Entries, once. It returns nil when the time is over or the context done,
// and fails when the network cannot be used at all.
func Query(params *QueryParam) error {
	if params == nil || params.Service == "" {
		return errors.New("mdns: query needs a service name")
	}
	ctx := params.Context
	if ctx == nil {
		timeout := params.Timeout
		if timeout <= 0 {
			timeout = queryTimeout
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.Background(), timeout)
		defer cancel()
	}
	domain := strings.Trim(params.Domain, ".")
	if domain == "" {
		domain = strings.TrimSuffix(defaultDomain, ".")
	}
	name := strings.Trim(params.Service, ".") + "." + domain + "."
	if err := engine.CheckName(name); err != nil {
		return fmt.Errorf("mdns: query: %w", err)
	}
	qtype := params.Type
	if qtype == 0 {
		qtype = dns.TypePTR
	}
	r, err := newReceiver(params.Interface)
	if err != nil {
		return err
	}
	defer r.close()
	q := &query{receiver: r, params: params, questions: map[string]bool{}, pending: newPending()}
	return q.run(ctx, fromMessage(engine.NewQuery(name, qtype, params.WantUnicastResponse)))
}

// query is a query in progress.
type query struct {
	*receiver
	params    *QueryParam
	questions map[string]bool // lower-case names asked for
	pending   *pending
}

func (q *query) run(ctx context.Context, question *dns.Msg) error {
	q.questions[strings.ToLower(question.Question[0].Name)] = true
	if err := q.ask(question); err != nil {
		return err
	}
	for {
		select {
		case msg := <-q.messages:
			if !q.isAnswer(msg) {
				continue
			}
			for _, e := range q.pending.read(msg) {
				q.handle(ctx, e)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// isAnswer reports whether msg answers one of the questions asked.
func (q *query) isAnswer(msg *dns.Msg) bool {
	return len(msg.Question) > 0 && q.questions[strings.ToLower(msg.Question[0].Name)]
}

func (q *query) handle(ctx context.Context, e *partial) {
	switch {
	case e.sent:
	case e.complete():
		e.sent = true
		select {
		case q.params.Entries <- e.deliverable():
		case <-ctx.Done():
		}
	case e.mayAsk(time.Now()):
		if len(q.questions) < maxPending {
			q.questions[strings.ToLower(e.entry.Name)] = true
			q.askFor(e)
		}
	}
}

// Listen sends every instance that announces itself or says goodbye to entries,
// each time it does, until exit is closed. It waits until an entry is taken.
func Listen(entries chan<- *ServiceEntry, exit chan struct{}) error {
	r, err := newReceiver(nil)
	if err != nil {
		return err
	}
	defer r.close()
	seen := newPending()
	for {
		select {
		case msg := <-r.messages:
			for _, e := range seen.read(msg) {
				if !r.pass(e, seen, entries, exit) {
					return nil
				}
			}
		case <-exit:
			return nil
		}
	}
}

// pass delivers a complete entry and forgets it, and asks for what an incomplete
// one lacks. It reports false when exit was closed.
func (r *receiver) pass(e *partial, seen *pending, entries chan<- *ServiceEntry, exit chan struct{}) bool {
	if !e.complete() {
		if e.entry.TTL > 0 && e.mayAsk(time.Now()) {
			r.askFor(e)
		}
		return true
	}
	seen.forget(e)
	select {
	case entries <- e.deliverable():
		return true
	case <-exit:
		return false
	}
}
