package match

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// regex is a path given as a regular expression.
type regex[T any] struct {
	*regexp.Regexp
	leaf leaf[T]
}

func (t *Table[T]) addRegex(path string, c *candidate[T]) error {
	re, err := regexp.CompilePOSIX(path)
	if err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	t.regexes = append(t.regexes, regex[T]{re, leaf[T]{candidate: c}})
	slices.SortStableFunc(t.regexes, func(a, b regex[T]) int {
		return cmp.Or(
			cmp.Compare(len(b.String()), len(a.String())),
			strings.Compare(a.String(), b.String()),
			cmp.Compare(min(1, len(b.leaf.candidate.hosts)), min(1, len(a.leaf.candidate.hosts))))
	})
	return nil
}

// hosts are those that an endpoint is for, any if there are none.
type hosts []host

// host matches a name, exactly or as a regular expression.
type host struct {
	name string
	re   *regexp.Regexp // nil when the name is no expression
}

// newHosts compiles the hosts of an endpoint. Its error names those that match
// nothing but themselves.
func newHosts(names []string) (hosts, error) {
	if slices.Contains(names, "") || slices.Contains(names, "*") {
		return nil, nil
	}
	var all hosts
	var errs []error
	for _, name := range names {
		re, err := regexp.CompilePOSIX(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("host %q: %w", name, err))
		}
		all = append(all, host{name, re})
	}
	return all, errors.Join(errs...)
}

// match reports whether the Host of a request, with its port or without, is one
// of them.
func (h hosts) match(requested string) bool {
	if len(h) == 0 {
		return true
	}
	name := requested
	if host, _, err := net.SplitHostPort(requested); err == nil {
		name = host
	}
	return slices.ContainsFunc(h, func(h host) bool {
		return strings.EqualFold(h.name, name) || h.name == requested ||
			h.re != nil && (h.re.MatchString(name) || h.re.MatchString(requested))
	})
}
