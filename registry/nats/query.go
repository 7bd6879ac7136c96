package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	get  = "get"
	list = "list"

	// maxAnswers is how many bytes of answers a lookup reads.
	maxAnswers = 64 << 20
)

// answer answers a lookup with what is registered here.
func (r *natsRegistry) answer(c *nats.Conn, m *nats.Msg) {
	var query registry.Result
	if m.Reply == "" || json.Unmarshal(m.Data, &query) != nil {
		return
	}
	var found []*registry.Service
	switch {
	case query.Action == list:
		found = r.own.all("")
	case query.Action == get && query.Service != nil && query.Service.Name != "":
		found = r.own.all(query.Service.Name)
	}
	for _, s := range found {
		data, err := json.Marshal(s)
		if err == nil {
			err = c.Publish(m.Reply, data)
		}
		if err != nil {
			r.logf(logger.ErrorLevel, "nats registry: answering for %s: %v", s.Name, err)
		}
	}
}

// GetService asks for a service and collects the answers.
func (r *natsRegistry) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	var o registry.GetOptions
	options.To(&o, opts)
	found, err := r.query(contextOf(o.Context), registry.Result{Action: get, Service: &registry.Service{Name: name}})
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", name, err)
	}
	found = slices.DeleteFunc(found, func(s *registry.Service) bool { return s.Name != name || len(s.Nodes) == 0 })
	if len(found) == 0 {
		return nil, registry.ErrNotFound
	}
	return found, nil
}

// ListServices returns the names of all services, each with one of its versions.
func (r *natsRegistry) ListServices(opts ...registry.ListOption) ([]*registry.Service, error) {
	var o registry.ListOptions
	options.To(&o, opts)
	found, err := r.query(contextOf(o.Context), registry.Result{Action: list})
	if err != nil {
		return nil, fmt.Errorf("listing services: %w", err)
	}
	var names []*registry.Service
	for _, s := range found {
		if !slices.ContainsFunc(names, func(other *registry.Service) bool { return other.Name == s.Name }) {
			names = append(names, &registry.Service{Name: s.Name, Version: s.Version})
		}
	}
	slices.SortFunc(names, func(a, b *registry.Service) int { return strings.Compare(a.Name, b.Name) })
	return names, nil
}

// query asks everybody, and returns the versions of which somebody told.
func (r *natsRegistry) query(ctx context.Context, question registry.Result) ([]*registry.Service, error) {
	c, err := r.ready(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	o := r.options.Get()
	inbox := c.NewInbox()
	sub, err := c.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := c.PublishRequest(settingsOf(&o).queryTopic, inbox, data); err != nil {
		return nil, err
	}
	window, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	found, err := r.collect(window, sub, settingsOf(&o).quorum)
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(found) == 0:
		return nil, stillThere(ctx, c)
	}
	return found, nil
}

// stillThere tells silence because there is nobody from silence because nobody was
// reached.
func stillThere(ctx context.Context, c *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, c.Opts.Timeout)
	defer cancel()
	if err := c.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("the NATS server does not answer: %w", err)
	}
	return nil
}

// collect reads answers until the window closes, or there are enough of one version.
func (r *natsRegistry) collect(window context.Context, sub *nats.Subscription, quorum int) ([]*registry.Service, error) {
	var found []*registry.Service
	for size := 0; size < maxAnswers; {
		m, err := sub.NextMsgWithContext(window)
		switch {
		case errors.Is(err, nats.ErrNoResponders): // not even we ask ourselves
			return found, nil
		case window.Err() != nil:
			return found, nil
		case err != nil:
			return nil, err
		}
		size += len(m.Data)
		var s *registry.Service
		if err := json.Unmarshal(m.Data, &s); err != nil || s == nil {
			continue // no answer of a registry
		}
		merged := merge(&found, s)
		if quorum > 0 && len(merged.Nodes) >= quorum {
			return found, nil
		}
	}
	r.logf(logger.WarnLevel, "nats registry: a lookup got more than %d bytes of answers, and read no further", maxAnswers)
	return found, nil
}

// merge adds the nodes of an answer to what is known of their version.
func merge(found *[]*registry.Service, s *registry.Service) *registry.Service {
	s.Nodes = slices.DeleteFunc(s.Nodes, func(n *registry.Node) bool { return n == nil })
	for _, known := range *found {
		if known.Name == s.Name && known.Version == s.Version {
			for _, n := range s.Nodes {
				known.Nodes = withNode(known.Nodes, n)
			}
			return known
		}
	}
	nodes := s.Nodes
	s.Nodes = nil
	for _, n := range nodes {
		s.Nodes = withNode(s.Nodes, n)
	}
	*found = append(*found, s)
	return s
}

// withNode returns nodes with n, in the place of one with its id.
func withNode(nodes []*registry.Node, n *registry.Node) []*registry.Node {
	if i := slices.IndexFunc(nodes, func(other *registry.Node) bool { return other.Id == n.Id }); i >= 0 {
		nodes[i] = n
		return nodes
	}
	return append(nodes, n)
}
