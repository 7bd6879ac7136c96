package client

import (
	stderrors "errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	unet "github.com/justcy/go-micro/v4/util/net"
)

// maxPicks is how often a strategy is asked for a node that has not failed
// yet. With a random one of two nodes left to choose from, asking this often
// misses the good one once in four billion times.
const maxPicks = 32

// picker hands out the nodes of one call.
type picker struct {
	settings *settings
	ctx      *callContext
	service  string // the one that is looked up, which a proxy changes
	options  []selector.SelectOption
	next     selector.Next  // nil until more than the first node is wanted
	static   bool           // the addresses came with the call
	chosen   *registry.Node // to be handed out next
	last     *registry.Node // that was handed out
	avoid    []string       // addresses of nodes that failed
}

// nodes finds the nodes for a request. It also reports whether the environment
// redirects the request to a proxy.
func (s *settings) nodes(ctx *callContext, req Request, opts *CallOptions) (picker, bool, error) {
	service, addresses, proxied := unet.Proxy(req.Service(), opts.Address)
	p := picker{settings: s, ctx: ctx, service: service, options: opts.SelectOptions}
	if err := ended(ctx.Context); err != nil { // the deadline of ctx itself is still to come
		return p, proxied, tooLate(ctx, err)
	}
	if len(addresses) > 0 {
		p.next, p.static = s.client.static(addresses), true
		return p, proxied, nil
	}
	if s.picker == nil || len(p.options) > 0 {
		return p, proxied, p.choose()
	}
	node, err := s.picker.Pick(ctx, service)
	switch {
	case err == nil && node != nil:
		if len(opts.CallWrappers) > 0 { // they may change it
			private := *node
			node = &private
		}
		p.chosen = node
		return p, proxied, nil
	case err == nil || stderrors.Is(err, selector.ErrNoneAvailable): // Next has an error of its own for that
		return p, proxied, p.choose()
	default:
		return p, proxied, p.selecting(err)
	}
}

// choose asks the selector.
func (p *picker) choose() error {
	next, err := p.settings.choose(p.ctx, p.service, p.options)
	if err != nil {
		return p.selecting(err)
	}
	p.next = next
	return nil
}

// selecting is the error of a call for which the selector had none but err.
func (p *picker) selecting(err error) error {
	s := p.settings
	if contextErr := ended(p.ctx); contextErr != nil {
		return callTimeout(p.ctx, contextErr)
	}
	if stderrors.Is(err, selector.ErrNotFound) {
		return errors.Wrap(err, clientID, s.notFound(p.service, err), http.StatusInternalServerError)
	}
	detail := "error selecting " + p.service + " node: " + err.Error()
	if stderrors.Is(err, selector.ErrNoneAvailable) {
		detail += filtered(p.service, p.options)
	}
	return errors.Wrap(err, clientID, detail, http.StatusInternalServerError)
}

// notFound says what was looked for, where, and what to look at. It begins with
// the text that programs of go-micro v4 may know.
func (s *settings) notFound(service string, err error) string {
	where := "the registry"
	if r := s.opts.Selector.Options().Registry; r != nil {
		where = "registry " + r.String()
	}
	return fmt.Sprintf("service %s: %v in %s; is it running, and on the same network?", service, err, where)
}

// static returns the given addresses in turn. Each call starts with another
// one.
func (c *rpcClient) static(addresses []string) selector.Next {
	i := (c.rotation.Add(1) - 1) % uint64(len(addresses))
	return func() (*registry.Node, error) {
		address := addresses[i]
		i = (i + 1) % uint64(len(addresses))
		return &registry.Node{
			Address:  address,
			Metadata: map[string]string{"protocol": wire.Protocol},
		}, nil
	}
}

// pick returns the node for the next attempt, one that has not failed yet if
// there is one.
func (p *picker) pick() (*registry.Node, error) {
	node, err := p.nextNode()
	p.last = node
	return node, err
}

func (p *picker) nextNode() (*registry.Node, error) {
	if node := p.chosen; node != nil {
		p.chosen = nil
		return node, nil
	}
	node, err := p.ask()
	if err != nil || !p.avoids(node) {
		return node, err
	}
	if p.another() {
		node, p.chosen = p.chosen, nil
		return node, nil
	}
	p.avoid = p.avoid[:0] // every node had its turn: start anew
	return node, nil
}

// another looks for a node that has not failed yet and keeps it for pick.
func (p *picker) another() bool {
	for range maxPicks {
		node, err := p.ask()
		if err != nil {
			return false
		}
		if !p.avoids(node) {
			p.chosen = node
			return true
		}
	}
	return false
}

func (p *picker) ask() (*registry.Node, error) {
	if p.next == nil {
		if err := p.choose(); err != nil {
			return nil, err
		}
	}
	node, err := p.next()
	if err == nil && node == nil {
		err = selector.ErrNoneAvailable
	}
	switch {
	case err == nil:
		return node, nil
	case stderrors.Is(err, selector.ErrNotFound):
		return nil, failure(clientID, "service "+p.service+": ", err)
	default:
		return nil, failure(clientID, "error getting next "+p.service+" node: ", err)
	}
}

// failed makes pick prefer other nodes.
func (p *picker) failed(node *registry.Node) {
	if !p.avoids(node) {
		p.avoid = append(p.avoid, node.Address)
	}
}

func (p *picker) avoids(node *registry.Node) bool {
	return slices.Contains(p.avoid, node.Address)
}
