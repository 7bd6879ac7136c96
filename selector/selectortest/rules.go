package selectortest

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

var (
	noRegistry = conformance.Flag("NoRegistry", func(h Harness) bool { return h.NoRegistry })
	noFilters  = orNoRegistry("NoFilters", func(h Harness) bool { return h.NoFilters })
	noStrategy = orNoRegistry("NoStrategy", func(h Harness) bool { return h.NoStrategy })
	noSpread   = orNoRegistry("NoSpread", func(h Harness) bool { return h.NoSpread })
)

func orNoRegistry(name string, isSet func(Harness) bool) func(Harness) string {
	return func(h Harness) string { return cmp.Or(noRegistry(h), conformance.Flag(name, isSet)(h)) }
}

var rules = []conformance.Rule[Harness]{
	rule("the nodes picked are those of the service", noRegistry, func(tr *trial) error {
		return tr.only("a b c")
	}),
	rule("every node of every version is picked", noSpread, func(tr *trial) error {
		picked, err := tr.picked()
		if err == nil && len(picked) != 3 {
			err = fmt.Errorf("only %v are picked, want a, b and c", picked)
		}
		return err
	}),
	rule("a service that the registry does not know is not found", noRegistry, func(tr *trial) error {
		if _, err := tr.selector.Select("nobody"); !errors.Is(err, selector.ErrNotFound) {
			return fmt.Errorf("the error of Select is %v, want selector.ErrNotFound", err)
		}
		return nil
	}),
	rule("filters limit the choice", noFilters, func(tr *trial) error {
		return errors.Join(
			tr.only("a b", selector.WithFilter(selector.FilterVersion("1.0.0"))),
			tr.only("c", selector.WithFilter(selector.FilterEndpoint("Greeter.V2"))),
			tr.only("b", selector.WithFilter(selector.FilterLabel("id", "b"))),
		)
	}),
	rule("filters are applied one after the other", noFilters, func(tr *trial) error {
		return tr.only("a", selector.WithFilter(selector.FilterVersion("1.0.0"), selector.FilterLabel("id", "a")))
	}),
	rule("filters that leave nothing give ErrNoneAvailable", noFilters, func(tr *trial) error {
		_, err := tr.selector.Select("greeter", selector.WithFilter(selector.FilterVersion("9")))
		if !errors.Is(err, selector.ErrNoneAvailable) {
			return fmt.Errorf("the error of Select is %v, want selector.ErrNoneAvailable", err)
		}
		return nil
	}),
	rule("a filter that changes the list it gets harms nobody", noFilters, func(tr *trial) error {
		cut := func(services []*registry.Service) []*registry.Service {
			for _, s := range services {
				s.Nodes = s.Nodes[:1]
				s.Nodes[0].Address = "spoilt"
			}
			return services[:1]
		}
		if _, err := tr.picked(selector.WithFilter(cut)); err != nil {
			return err
		}
		all := func(services []*registry.Service) []*registry.Service {
			if got := len(flat(services)); got != 3 {
				panic(fmt.Sprintf("%d nodes are left for the next Select, want 3", got))
			}
			for _, n := range flat(services) {
				if n.Address == "spoilt" {
					panic("the address stays changed for the next Select")
				}
			}
			return services
		}
		_, err := tr.picked(selector.WithFilter(all))
		return err
	}),
	rule("a strategy given to Select replaces the selector's", noStrategy, func(tr *trial) error {
		last := func(services []*registry.Service) selector.Next {
			return func() (*registry.Node, error) {
				for _, n := range flat(services) {
					if n.Id == "c" {
						return n, nil
					}
				}
				return nil, selector.ErrNoneAvailable
			}
		}
		return tr.only("c", selector.WithStrategy(last))
	}),
	rule("the error of a strategy is returned by Next", noStrategy, func(tr *trial) error {
		refuses := errors.New("refuses")
		next, err := tr.selector.Select("greeter", selector.WithStrategy(func([]*registry.Service) selector.Next {
			return func() (*registry.Node, error) { return nil, refuses }
		}))
		if err != nil {
			return err
		}
		if _, err := next(); !errors.Is(err, refuses) {
			return fmt.Errorf("the error of Next is %v, want the strategy's", err)
		}
		return nil
	}),
	rule("a node that was handed out belongs to the caller", noRegistry, func(tr *trial) error {
		for range enough {
			next, err := tr.selector.Select("greeter")
			if err != nil {
				return err
			}
			n, err := next()
			if err != nil {
				return err
			}
			if n.Address == "spoilt" {
				return errors.New("a changed address is handed out again")
			}
			n.Address = "spoilt"
		}
		return nil
	}),
	rule("Init replaces the registry", noRegistry, func(tr *trial) error {
		other := registry.NewMemoryRegistry()
		if err := other.Register(service("greeter", "3.0.0", "d")); err != nil {
			return err
		}
		if _, err := tr.picked(); err != nil {
			return err
		}
		if err := tr.selector.Init(selector.Registry(other)); err != nil {
			return fmt.Errorf("initialising: %w", err)
		}
		if tr.selector.Options().Registry != other {
			return errors.New("another registry is in Options")
		}
		return tr.only("d")
	}),
	rule("Mark and Reset take any service and node", nil, func(tr *trial) error {
		for _, name := range []string{"greeter", "nobody"} {
			tr.selector.Mark(name, nil, nil)
			tr.selector.Mark(name, nil, errors.New("failed"))
			tr.selector.Mark(name, &registry.Node{Id: "z"}, nil)
			tr.selector.Mark(name, &registry.Node{Id: "z"}, selector.ErrUnreachable)
			tr.selector.Reset(name)
		}
		return nil
	}),
	rule("a marked node is picked when it is the only one", noFilters, func(tr *trial) error {
		tr.selector.Mark("greeter", &registry.Node{Id: "c"}, selector.ErrUnreachable)
		return tr.only("c", selector.WithFilter(selector.FilterVersion("2.0.0")))
	}),
	rule("the selector may be used by many goroutines at once", nil, func(tr *trial) error {
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = catch(func() error {
					_, err := tr.picked()
					tr.selector.Mark("greeter", &registry.Node{Id: "a"}, nil)
					tr.selector.Reset("greeter")
					_ = tr.selector.Options()
					return errors.Join(err, tr.selector.Init())
				})
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}),
	rule("Close may be called repeatedly and from several goroutines", nil, func(tr *trial) error {
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = catch(tr.selector.Close) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}),
	rule("the selector has a name", nil, func(tr *trial) error {
		if tr.selector.String() == "" {
			return errors.New("empty name")
		}
		return nil
	}),
}

// flat lists the nodes of all services.
func flat(services []*registry.Service) []*registry.Node {
	var nodes []*registry.Node
	for _, s := range services {
		nodes = append(nodes, s.Nodes...)
	}
	return nodes
}

// catch turns a panic into an error.
func catch(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}
