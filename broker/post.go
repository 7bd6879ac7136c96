package broker

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/httppost"
	"github.com/justcy/go-micro/v4/registry"
)

// poster delivers messages by HTTP.
type poster struct {
	client *httppost.Client
	path   string

	mu      sync.Mutex
	batches map[string]bool // addresses which take batches
}

// newPoster returns what delivers with these options. The limit of a whole
// request is the outbox's.
func newPoster(o *Options, path string) *poster {
	return &poster{path: path, batches: map[string]bool{}, client: &httppost.Client{
		TLS:              clientTLS(o),
		TLSTo:            identityTLS(o),
		MaxReply:         4 << 10,
		DialTimeout:      30 * time.Second,
		HandshakeTimeout: 10 * time.Second,
		MaxIdle:          maxSenders,
		MaxIdlePerAddr:   64,
		IdleTimeout:      90 * time.Second,
	}}
}

// atOnce tells how many messages a node takes in one request.
func (p *poster) atOnce(n *registry.Node) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.batches[n.Address] {
		return maxBatch
	}
	return 1
}

// deliver posts messages to a node and waits until they are handled.
func (p *poster) deliver(ctx context.Context, n *registry.Node, messages [][]byte) sent {
	resp, written, err := p.client.Post(ctx, p.request(n, messages))
	if err != nil && !written {
		return notSent(unreachable, fmt.Errorf("delivering to node %s: %w", n.Id, err))
	}
	if err != nil {
		return notSent(lost(ctx), fmt.Errorf("node %s did not reply: %w", n.Id, err))
	}
	if len(messages) > 1 {
		return p.batchOutcome(ctx, n, resp, len(messages))
	}
	return p.outcome(ctx, n, resp)
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
func (p *poster) request(n *registry.Node, messages [][]byte) *httppost.Request {
	r := &httppost.Request{
		Addr:        n.Address,
		Secure:      n.Metadata["secure"] == "true",
		Target:      p.path + "?id=" + url.QueryEscape(n.Id),
		ContentType: "application/json",
		Body:        messages[0],
	}
	if len(messages) > 1 {
		r.ContentType, r.Body = batchContentType, batchOf(messages)
	}
	return r
}

// outcome reads the reply to a single message.
func (p *poster) outcome(ctx context.Context, n *registry.Node, resp *httppost.Response) sent {
	if resp.Header[batchHeader] != "" {
		p.setTakesBatches(n.Address, true)
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
func (p *poster) batchOutcome(ctx context.Context, node *registry.Node, resp *httppost.Response, n int) sent {
	if resp.Status != http.StatusOK || resp.Header["Content-Type"] != batchContentType {
		p.setTakesBatches(node.Address, false)
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
	p.setTakesBatches(node.Address, false)
	return notSent(failed, fmt.Errorf("node %s at %s failed to handle the message", node.Id, node.Address))
}

// setTakesBatches notes what is known of an address.
func (p *poster) setTakesBatches(address string, takes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !takes {
		delete(p.batches, address)
		return
	}
	if len(p.batches) > maxSenders {
		clear(p.batches)
	}
	p.batches[address] = true
}
