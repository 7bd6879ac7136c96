package auth

import (
	"cmp"
	"net/url"
	"path"
	"slices"
	"strings"
)

// wildcard, as a field of a rule, matches any value.
const wildcard = "*"

// Verify decides with the rules whether the account may reach the resource. It
// returns nil or ErrForbidden; a nil account is an anonymous caller.
//
// The rules that match the resource are asked from the highest priority to the
// lowest, in the given order where priorities are equal, and the first that
// applies to the account decides. A rule matches when type, name and endpoint
// of its resource are each "*" or those of the request; for an endpoint that is
// a path, a rule for "/users/*" matches "/users" and everything below. It
// applies when its scope is public, or "*" and there is an account, or one of
// the account's scopes. When no rule applies the answer is ErrForbidden. Case
// is ignored throughout.
//
// A path may be spelled in several ways: "/users/../admin", "/admin/", "//admin"
// and "/%61dmin" all reach what "/admin" does. A rule for what is below a path
// grants access only when the path as it is spelled and the plain path are both
// below, and a rule that denies access does so when either of them matches.
func Verify(rules []*Rule, acc *Account, res *Resource) error {
	if res == nil {
		res = &Resource{}
	}
	plain := plainPath(res.Endpoint)
	candidates := make([]*Rule, 0, len(rules))
	for _, rule := range rules {
		if rule != nil && rule.Resource != nil && rule.matches(res, plain) {
			candidates = append(candidates, rule)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *Rule) int {
		return cmp.Compare(b.Priority, a.Priority)
	})
	for _, rule := range candidates {
		if !rule.appliesTo(acc) {
			continue
		}
		if rule.Access == AccessGranted {
			return nil
		}
		return ErrForbidden
	}
	return ErrForbidden
}

// plainPath is an endpoint without what makes a path look like another one:
// escapes, backslashes, empty components, "." and "..", and a slash at the end.
// An endpoint that is no path stays as it is.
func plainPath(endpoint string) string {
	if !strings.ContainsAny(endpoint, `/\`) {
		return endpoint
	}
	if unescaped, err := url.PathUnescape(endpoint); err == nil {
		endpoint = unescaped
	}
	return path.Clean(strings.ReplaceAll(endpoint, `\`, "/"))
}

// matches reports whether the rule is about the requested resource, whose
// endpoint is also known by its plain path.
func (r *Rule) matches(req *Resource, plain string) bool {
	if !matchesField(r.Resource.Type, req.Type) || !matchesField(r.Resource.Name, req.Name) {
		return false
	}
	pattern := r.Resource.Endpoint
	switch {
	case matchesField(pattern, req.Endpoint):
		return true
	case r.Access != AccessGranted:
		return matchesPath(pattern, req.Endpoint) || matchesField(pattern, plain) || matchesPath(pattern, plain)
	}
	return matchesPath(pattern, req.Endpoint) && matchesPath(pattern, plain)
}

func matchesField(pattern, value string) bool {
	return pattern == wildcard || strings.EqualFold(pattern, value)
}

// matchesPath reports whether the pattern is a prefix of whole components of
// the path followed by "/*".
func matchesPath(pattern, path string) bool {
	stem, ok := strings.CutSuffix(pattern, "/"+wildcard)
	if !ok || !strings.Contains(path, "/") {
		return false
	}
	for i := range len(path) {
		if path[i] == '/' && strings.EqualFold(stem, path[:i]) {
			return true
		}
	}
	return strings.EqualFold(stem, path)
}

func (r *Rule) appliesTo(acc *Account) bool {
	switch {
	case r.Scope == ScopePublic:
		return true
	case acc == nil:
		return false
	case r.Scope == ScopeAccount:
		return true
	}
	return slices.ContainsFunc(acc.Scopes, func(scope string) bool {
		return strings.EqualFold(scope, r.Scope)
	})
}
