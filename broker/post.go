package broker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/justcy/go-micro/v4/internal/httppost"
	"github.com/justcy/go-micro/v4/registry"
)

// A failure is why a node did not take a message.
type failure struct {
	kind failureKind
	err  error
}

type failureKind int

const (
	unreachable failureKind = iota // no reply that tells more
	unknown                        // the node has no such subscription
	failed                         // the receiver could not handle the message
	broken                         // the connection broke once the node had the message
	refused                        // the receiver will never take it
)

// sent is the outcome of one delivery: how many messages are done, and why the
// next is not.
type sent struct {
	done int
	failure
}

func notSent(kind failureKind, err error) sent { return sent{failure: failure{kind, err}} }

// failures collects why the nodes of a receiver did not take a message.
type failures struct {
	list []failure
}

func (f *failures) add(one failure) { f.list = append(f.list, one) }

// answered tells whether a handler was given the message.
func (f *failures) answered() bool {
	for _, one := range f.list {
		if one.kind == failed {
			return true
		}
	}
	return false
}

// final tells whether all nodes refused the message.
func (f *failures) final() bool {
	for _, one := range f.list {
		if one.kind != refused {
			return false
		}
	}
	return len(f.list) > 0
}

// reason is the first failure, in one line, and how many nodes there were.
func (f *failures) reason() error {
	if more := len(f.list) - 1; more > 0 {
		return fmt.Errorf("not delivered: %w, and %d more nodes failed", f.list[0].err, more)
	}
	return f.err()
}

func (f *failures) err() error {
	errs := make([]error, len(f.list))
	for i, one := range f.list {
		errs[i] = one.err
	}
	return fmt.Errorf("not delivered: %w", errors.Join(errs...))
}

// post delivers messages to a node and waits until they are handled.
func (o *outbox) post(ctx context.Context, n *registry.Node, items []laneItem) sent {
	select {
	case o.senders <- struct{}{}:
		defer func() { <-o.senders }()
	case <-ctx.Done():
		return notSent(unreachable, ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, o.broker.settings().deliveryTimeout)
	defer cancel()
	resp, written, err := o.broker.postClient().Post(ctx, o.request(n, items))
	if err != nil && !written {
		return notSent(unreachable, fmt.Errorf("delivering to node %s: %w", n.Id, err))
	}
	if err != nil {
		return notSent(lost(ctx), fmt.Errorf("node %s did not reply: %w", n.Id, err))
	}
	if len(items) > 1 {
		return o.batchOutcome(ctx, n, resp, len(items))
	}
	return o.outcome(ctx, n, resp)
}

// lost is the kind of a failure after the whole request was sent. A node that
// takes too long is not blamed on the message: it may be suspended, or busy.
func lost(ctx context.Context) failureKind {
	if ctx.Err() != nil {
		return unreachable
	}
	return broken
}

// request returns what delivers messages to a node.
func (o *outbox) request(n *registry.Node, items []laneItem) *httppost.Request {
	r := &httppost.Request{
		Addr:        n.Address,
		Secure:      n.Metadata["secure"] == "true",
		Target:      o.broker.path + "?id=" + url.QueryEscape(n.Id),
		ContentType: "application/json",
		Body:        items[0].body,
	}
	if len(items) > 1 {
		r.ContentType, r.Body = batchContentType, batchOf(items)
	}
	return r
}

func batchOf(items []laneItem) []byte {
	size := 0
	for _, item := range items {
		size += len(item.body) + batchOverhead
	}
	batch := make([]byte, 0, size)
	for _, item := range items {
		batch = appendToBatch(batch, item.body)
	}
	return batch
}

// outcome reads the reply to a single message.
func (o *outbox) outcome(ctx context.Context, n *registry.Node, resp *httppost.Response) sent {
	if resp.Header[batchHeader] != "" {
		o.setTakesBatches(n.Address, true)
	}
	status := resp.Status
	switch {
	case status/100 == 2 && resp.Header[resultHeader] == resultUnknown:
		return notSent(unknown, fmt.Errorf("node %s has no such subscription any more", n.Id))
	case status/100 == 2 && resp.Err != nil:
		return notSent(lost(ctx), fmt.Errorf("reading the reply of node %s: %w", n.Id, resp.Err))
	case status/100 == 2:
		return sent{done: 1}
	}
	err := fmt.Errorf("node %s at %s replied %s: %s", n.Id, n.Address, resp.Reason, bytes.TrimSpace(resp.Body))
	switch status {
	case http.StatusRequestEntityTooLarge:
		return notSent(refused, err)
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return notSent(unreachable, err)
	}
	return notSent(failed, err)
}

// batchOutcome reads the reply to a batch of n messages. What arrived counts,
// even if the connection broke.
func (o *outbox) batchOutcome(ctx context.Context, node *registry.Node, resp *httppost.Response, n int) sent {
	if resp.Status != http.StatusOK || resp.Header["Content-Type"] != batchContentType {
		o.setTakesBatches(node.Address, false)
		return notSent(unreachable, fmt.Errorf("node %s at %s did not take a batch: %s", node.Id, node.Address, resp.Reason))
	}
	results := resp.Body[:min(n, len(resp.Body))]
	done := 0
	for done < len(results) && results[done] == batchDone {
		done++
	}
	if done == len(results) && (resp.Err != nil || done == 0) {
		err := fmt.Errorf("node %s at %s broke off its reply: %w", node.Id, node.Address, cmp.Or(resp.Err, io.ErrUnexpectedEOF))
		return sent{done: done, failure: failure{lost(ctx), err}}
	}
	if done > 0 {
		return sent{done: done}
	}
	switch results[0] {
	case batchUnknown:
		return notSent(unknown, fmt.Errorf("node %s has no such subscription any more", node.Id))
	case batchTooBig:
		return notSent(refused, fmt.Errorf("node %s at %s takes no messages of that size", node.Id, node.Address))
	}
	// Sent alone, the message will get an answer that says more.
	o.setTakesBatches(node.Address, false)
	return notSent(failed, fmt.Errorf("node %s at %s failed to handle the message", node.Id, node.Address))
}

// setTakesBatches notes what is known of an address.
func (o *outbox) setTakesBatches(address string, takes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !takes {
		delete(o.batches, address)
		return
	}
	if len(o.batches) > maxSenders {
		clear(o.batches)
	}
	o.batches[address] = true
}
