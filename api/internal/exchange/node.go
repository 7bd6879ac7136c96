package exchange

import (
	"errors"
	"math/rand/v2"

	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// ErrNoNode is returned when no node of the routed versions is there.
var ErrNoNode = errors.New("no node available")

// Nodes is the option of a call that goes to the versions of a route: any of
// their nodes, all equally likely. Of these the selector's usable ones are
// preferred, which leave out nodes that are stopping or cannot be reached.
func Nodes(route *router.Route) client.CallOption {
	strategy := func(usable []*registry.Service) selector.Next {
		return selector.Random(routed(route.Versions, usable))
	}
	return client.WithSelectOption(selector.WithStrategy(strategy))
}

// routed returns the usable services that are among the versions, and the
// versions themselves if none is.
func routed(versions, usable []*registry.Service) []*registry.Service {
	var both []*registry.Service
	for _, u := range usable {
		for _, v := range versions {
			if u.Version == v.Version && u.Name == v.Name && len(u.Nodes) > 0 {
				both = append(both, u)
				break
			}
		}
	}
	if len(both) == 0 {
		return versions
	}
	return both
}

// Shuffled returns the nodes of the route's versions in random order, those that
// are stopping last.
func Shuffled(route *router.Route) ([]*registry.Node, error) {
	var active, draining []*registry.Node
	for _, version := range route.Versions {
		for _, n := range version.Nodes {
			switch {
			case n == nil:
			case n.Draining():
				draining = append(draining, n)
			default:
				active = append(active, n)
			}
		}
	}
	rand.Shuffle(len(active), func(i, j int) { active[i], active[j] = active[j], active[i] })
	if all := append(active, draining...); len(all) > 0 {
		return all, nil
	}
	return nil, ErrNoNode
}
