// Package match finds the endpoint for a request among many.
//
// Which of several endpoints that match is taken depends on them alone: the path
// is compared from left to right, and at the first difference a literal comes
// before "*", and that before "**"; a template with a verb comes before those
// without, and templates before regular expressions, of which the longest comes
// first. Of equal paths the one that names its hosts comes first, then the one
// that was added first.
package match

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/api/internal/component"
	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/util"
)

// Table holds endpoints, each with a value. It does not change once built, and
// may then be used by several goroutines.
type Table[T any] struct {
	plain, verbs tree[T] // templates without and with a verb
	regexes      []regex[T]
	queries      sync.Pool // of *query[T]
}

// Add adds an endpoint to a table that is not in use yet. It returns what is
// wrong with the paths and hosts that are left out.
func (t *Table[T]) Add(e *router.Endpoint, value T) error {
	hosts, err := newHosts(e.Host)
	errs := []error{err}
	c := &candidate[T]{methods: e.Method, hosts: hosts, value: value}
	for _, path := range e.Path {
		errs = append(errs, t.addPath(path, c))
	}
	return errors.Join(errs...)
}

func (t *Table[T]) addPath(path string, c *candidate[T]) error {
	if strings.HasPrefix(path, "^") && strings.HasSuffix(path, "$") {
		return t.addRegex(path, c)
	}
	compiler, err := util.Parse(path)
	if err != nil {
		return err
	}
	template := compiler.Compile()
	if _, err := util.NewPattern(template.Version, template.OpCodes, template.Pool, template.Verb); err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	steps, captures := flatten(template)
	leaf := leaf[T]{candidate: c, captures: captures, verb: template.Verb}
	if template.Verb != "" {
		t.verbs.add(steps, leaf)
	} else {
		t.plain.add(steps, leaf)
	}
	return nil
}

// Match returns the value of the endpoint for a request, and the fields that its
// template captures. It returns router.ErrNotFound, a *router.MethodError or
// resolver.ErrInvalidPath.
func (t *Table[T]) Match(r *http.Request) (value T, fields []pathfield.Field, err error) {
	q, _ := t.queries.Get().(*query[T])
	if q == nil {
		q = new(query[T])
	}
	defer func() {
		*q = query[T]{}
		t.queries.Put(q)
	}()
	if q.components, err = component.Split(r.URL, q.buf[:0]); err != nil {
		return value, nil, err
	}
	q.request = r
	if t.verbs.used && t.matchVerb(q) || t.plain.match(q) || t.matchRegex(r.URL, q) {
		return q.found.candidate.value, q.fields(), nil
	}
	if len(q.allowed) > 0 {
		slices.Sort(q.allowed)
		return value, nil, &router.MethodError{Method: r.Method, Allowed: slices.Compact(q.allowed)}
	}
	return value, nil, router.ErrNotFound
}

// matchVerb looks for a template with the verb at the end of the path.
func (t *Table[T]) matchVerb(q *query[T]) bool {
	last := len(q.components) - 1
	whole := q.components[last]
	colon := strings.LastIndexByte(whole, ':')
	if colon < 0 {
		return false
	}
	q.components[last], q.verb = whole[:colon], whole[colon+1:]
	if q.components[last] == "" && last > 0 { // as in /shelves/:open, whose template has no such component
		q.components = q.components[:last]
	}
	if t.verbs.match(q) {
		return true
	}
	q.components, q.verb = append(q.components[:last], whole), ""
	return false
}

func (t *Table[T]) matchRegex(u *url.URL, q *query[T]) bool {
	for i := range t.regexes {
		if t.regexes[i].MatchString(u.Path) && q.take(&t.regexes[i].leaf) {
			return true
		}
	}
	return false
}
