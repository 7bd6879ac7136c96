package match

import (
	"net/http"
	"slices"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
)

// tree holds templates by their steps. A request goes down at most once for each
// choice between a literal and a wildcard.
type tree[T any] struct {
	root node[T]
	used bool
}

// node is a place in the tree.
type node[T any] struct {
	literals map[string]*node[T]
	any      *node[T]   // after *
	deep     []*tail[T] // after **, the longest first
	leaves   []leaf[T]  // of templates that end here, best first
}

// tail holds the steps after a **, which are as many in each of its templates.
type tail[T any] struct {
	length int
	root   node[T]
}

// leaf is the end of a template.
type leaf[T any] struct {
	candidate *candidate[T]
	captures  []capture
	verb      string
}

// candidate is an endpoint.
type candidate[T any] struct {
	methods []string
	hosts   hosts
	value   T
}

func (t *tree[T]) add(steps []step, l leaf[T]) {
	t.used = true
	n := &t.root
	for i, s := range steps {
		n = n.child(s, len(steps)-i-1)
	}
	i, _ := slices.BinarySearchFunc(n.leaves, l, func(a, b leaf[T]) int {
		if len(a.candidate.hosts) > 0 || len(b.candidate.hosts) == 0 {
			return -1 // equal ones stay in their order
		}
		return 1
	})
	n.leaves = slices.Insert(n.leaves, i, l)
}

// child returns where a step leads to, with so many steps after it.
func (n *node[T]) child(s step, after int) *node[T] {
	switch s.kind {
	case literalStep:
		if n.literals == nil {
			n.literals = make(map[string]*node[T])
		}
		c := n.literals[s.literal]
		if c == nil {
			c = new(node[T])
			n.literals[s.literal] = c
		}
		return c
	case deepStep:
		i, ok := slices.BinarySearchFunc(n.deep, after, func(t *tail[T], length int) int { return length - t.length })
		if !ok {
			n.deep = slices.Insert(n.deep, i, &tail[T]{length: after})
		}
		return &n.deep[i].root
	}
	if n.any == nil {
		n.any = new(node[T])
	}
	return n.any
}

func (t *tree[T]) match(q *query[T]) bool { return t.root.match(q, q.components) }

func (n *node[T]) match(q *query[T], rest []string) bool {
	if len(rest) == 0 {
		for i := range n.leaves {
			if q.take(&n.leaves[i]) {
				return true
			}
		}
	} else {
		if c := n.literals[rest[0]]; c != nil && c.match(q, rest[1:]) {
			return true
		}
		if n.any != nil && n.any.match(q, rest[1:]) {
			return true
		}
	}
	for _, t := range n.deep {
		if skip := len(rest) - t.length; skip >= 0 && t.root.match(q, rest[skip:]) {
			return true
		}
	}
	return false
}

// query is a request on its way through a table.
type query[T any] struct {
	request    *http.Request
	components []string
	buf        [16]string // of components, if they are no more
	verb       string
	found      *leaf[T]
	allowed    []string // methods of endpoints that match but for those
}

// take keeps the leaf if it matches all but the path, which does.
func (q *query[T]) take(l *leaf[T]) bool {
	if l.verb != q.verb || !l.candidate.hosts.match(q.request.Host) {
		return false
	}
	if !slices.Contains(l.candidate.methods, q.request.Method) {
		q.allowed = append(q.allowed, l.candidate.methods...)
		return false
	}
	q.found = l
	return true
}

// fields are what the template that was found captures.
func (q *query[T]) fields() []pathfield.Field {
	captures := q.found.captures
	if len(captures) == 0 {
		return nil
	}
	fields := make([]pathfield.Field, len(captures))
	for i, c := range captures {
		fields[i] = pathfield.Field{Name: c.field, Value: c.value(q.components)}
	}
	return fields
}
