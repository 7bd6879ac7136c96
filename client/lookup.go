package client

import (
	"reflect"
	"runtime"
	"strings"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/selector"
)

// maxLookups is how many lookups of a client may be under way at a time. Those
// that a registry never ends must not add up.
const maxLookups = 1024

// chosen is what a selector says.
type chosen struct {
	next selector.Next
	err  error
}

// choose asks the selector for the nodes of a service. If the selector reads a
// registry, it returns with the context, even if one of them does not heed it.
func (s *settings) choose(ctx *callContext, service string, opts []selector.SelectOption) (selector.Next, error) {
	if s.opts.Selector.Options().Registry == nil {
		return s.opts.Selector.Select(service, opts...)
	}
	heeded := s.picker != nil && selectOptions(opts).Context == nil
	opts = append([]selector.SelectOption{selector.WithContext(ctx)}, opts...)
	if heeded { // then ctx needs no timer
		return s.opts.Selector.Select(service, opts...)
	}
	over := ctx.Done()
	if over == nil {
		return s.opts.Selector.Select(service, opts...)
	}
	select {
	case s.client.lookups <- struct{}{}:
	case <-over:
		return nil, ctx.Err()
	}
	answer := make(chan chosen, 1)
	go func() {
		var c chosen
		defer func() {
			<-s.client.lookups
			answer <- c
		}()
		defer recovered(&c.err)
		c.next, c.err = s.opts.Selector.Select(service, opts...)
	}()
	select {
	case c := <-answer:
		return c.next, c.err
	case <-over:
		return nil, ctx.Err()
	}
}

func selectOptions(opts []selector.SelectOption) (o selector.SelectOptions) {
	options.To(&o, opts)
	return o
}

// filtered says which filters left no node of a service, if there were any.
func filtered(service string, opts []selector.SelectOption) string {
	var names []string
	for _, f := range selectOptions(opts).Filters {
		if f != nil {
			names = append(names, filterName(f))
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return ": no node of service " + service + " passes the filter " + names[0]
	default:
		return ": no node of service " + service + " passes the filters " + strings.Join(names, ", ")
	}
}

// filterName is the name of the filter, or of the function that made it, such as
// selector.FilterVersion; where the compiler inlined that, of its caller.
func filterName(f selector.Filter) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	name = name[strings.LastIndex(name, "/")+1:]
	if i := strings.Index(name, ".func"); i > 0 {
		name = name[:i]
	}
	return name
}
