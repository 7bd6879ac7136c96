// Package component reads the components of paths.
package component

import (
	"net/url"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/internal/urlpath"
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
		if !urlpath.Safe(component) {
			return nil, resolver.ErrInvalidPath
		}
		buf = append(buf, component)
	}
	return buf, nil
}

// IsVersion reports whether a component is a v and digits, as in v1.
func IsVersion(component string) bool {
	digits, ok := strings.CutPrefix(component, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
