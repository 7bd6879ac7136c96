// Package shard sends calls with the same keys to the same node, so that a node
// can keep what belongs to them.
//
//	err := c.Call(ctx, req, rsp, shard.Strategy(userID))
//
// Each node gets a score from the keys and its id. The one with the best score
// is called first, and each retry goes to the next best. When a node comes or
// goes, only the keys it has the best score for move.
package shard

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/minio/highwayhash"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// Strategy sends a call to the node for these keys.
func Strategy(keys ...string) client.CallOption {
	return client.WithSelectOption(NewSelector(keys))
}

// NewSelector makes a Select pick the node for these keys.
func NewSelector(keys []string) selector.SelectOption {
	return selector.WithStrategy(func(services []*registry.Service) selector.Next {
		return Next(keys, services)
	})
}

// Next hands out each node once, the one with the best score first, and then
// gives selector.ErrNoneAvailable. It may be called from several goroutines.
func Next(keys []string, services []*registry.Service) selector.Next {
	left := ranked(keys, services)
	var mu sync.Mutex
	return func() (*registry.Node, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(left) == 0 {
			return nil, selector.ErrNoneAvailable
		}
		best := left[0]
		left = left[1:]
		return best, nil
	}
}

// ranked returns the nodes by score, the best first.
func ranked(keys []string, services []*registry.Service) []*registry.Node {
	nodes, scores := ScoreNodes(keys, services)
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(b, a))
	})
	sorted := make([]*registry.Node, len(order))
	for i, at := range order {
		sorted[i] = nodes[at]
	}
	return sorted
}

// ScoreNodes returns the nodes of all services and the score of each for the
// keys. All processes come to the same scores.
func ScoreNodes(keys []string, services []*registry.Service) ([]*registry.Node, []uint64) {
	var zero [highwayhash.Size]byte
	key := highwayhash.Sum([]byte(strings.Join(keys, ":")), zero[:])
	var nodes []*registry.Node
	var scores []uint64
	for _, s := range services {
		if s == nil {
			continue
		}
		for _, n := range s.Nodes {
			if n == nil {
				continue
			}
			nodes = append(nodes, n)
			scores = append(scores, highwayhash.Sum64([]byte(n.Id), key[:]))
		}
	}
	return nodes, scores
}
