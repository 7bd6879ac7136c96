// Package urlpath splits the paths of requests.
package urlpath

import (
	"net/url"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
)

// Split appends the components of a path to buf, each without its escapes, so
// that an escaped slash is part of a component. A path that leads somewhere else
// when it is taken literally, because it holds the components "." or ".." or
// control characters, gives resolver.ErrInvalidPath, and so does one that does
// not begin with a slash.
func Split(u *url.URL, buf []string) ([]string, error) {
	path, escaped := u.Path, false
	if u.RawPath != "" {
		if raw := u.EscapedPath(); strings.IndexByte(raw, '%') >= 0 {
			path, escaped = raw, true
		}
	}
	path, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, resolver.ErrInvalidPath
	}
	for more := true; more; {
		var component string
		component, path, more = strings.Cut(path, "/")
		if escaped {
			var err error
			if component, err = url.PathUnescape(component); err != nil {
				return nil, resolver.ErrInvalidPath
			}
		}
		if !Safe(component) {
			return nil, resolver.ErrInvalidPath
		}
		buf = append(buf, component)
	}
	return buf, nil
}

// Safe reports whether none of the parts of a path, between slashes of either
// kind, is "." or "..", and no character is a control character.
func Safe(path string) bool {
	start := 0
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' && path[i] != '\\' {
			if path[i] < ' ' || path[i] == 0x7f {
				return false
			}
			continue
		}
		if part := path[start:i]; part == "." || part == ".." {
			return false
		}
		start = i + 1
	}
	return true
}
