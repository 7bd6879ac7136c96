package client

import (
	stderrors "errors"
	"fmt"
	"slices"

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
	service string // the one that is looked up, which a proxy changes
	next    selector.Next
	static  bool           // the addresses came with the call
	chosen  *registry.Node // to be handed out next
	avoid   []string       // addresses of nodes that failed
}

// nodes finds the nodes for a request. It also reports whether the environment
// redirects the request to a proxy.
func (s *settings) nodes(req Request, opts *CallOptions) (picker, bool, error) {
	service, addresses, proxied := unet.Proxy(req.Service(), opts.Address)
	if len(addresses) > 0 {
		return picker{service: service, next: s.client.static(addresses), static: true}, proxied, nil
	}
	next, err := s.opts.Selector.Select(service, opts.SelectOptions...)
	if err == nil {
		return picker{service: service, next: next}, proxied, nil
	}
	if stderrors.Is(err, selector.ErrNotFound) {
		return picker{}, proxied, internalError(clientID, s.notFound(service, err))
	}
	return picker{}, proxied, internalError(clientID, "error selecting "+service+" node: "+err.Error())
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
	node, err := p.next()
	if err == nil && node == nil {
		err = selector.ErrNoneAvailable
	}
	if err == nil {
		return node, nil
	}
	if stderrors.Is(err, selector.ErrNotFound) {
		return nil, internalError(clientID, "service "+p.service+": "+err.Error())
	}
	return nil, internalError(clientID, "error getting next "+p.service+" node: "+err.Error())
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
