package router

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The metadata of an endpoint in the registry that holds its routing.
const (
	keyName        = "endpoint"
	keyDescription = "description"
	keyHandler     = "handler"
	keyMethod      = "method"
	keyPath        = "path"
	keyHost        = "host"
	keyStream      = "stream"
)

// listSeparator joins the values of a list, which therefore cannot contain it.
const listSeparator = ","

var (
	errNilEndpoint    = errors.New("endpoint is nil")
	errNameRequired   = errors.New("name required")
	errInvalidPath    = errors.New("invalid path")
	errInvalidHandler = errors.New("invalid handler")
)

// Encode returns the endpoint as registry metadata; fields that are empty are
// left out, and nil gives nil. Lists are joined with commas, so a path that
// contains one does not survive.
func Encode(e *Endpoint) map[string]string {
	if e == nil {
		return nil
	}
	md := make(map[string]string)
	set := func(key, value string) {
		if value != "" {
			md[key] = value
		}
	}
	set(keyName, e.Name)
	set(keyDescription, e.Description)
	set(keyHandler, e.Handler)
	set(keyMethod, strings.Join(e.Method, listSeparator))
	set(keyPath, strings.Join(e.Path, listSeparator))
	set(keyHost, strings.Join(e.Host, listSeparator))
	if e.Stream {
		md[keyStream] = "true"
	}
	return md
}

// Decode is the reverse of Encode. Blanks around the values of a list and empty
// values are dropped.
func Decode(md map[string]string) *Endpoint {
	if md == nil {
		return nil
	}
	return &Endpoint{
		Name:        md[keyName],
		Description: md[keyDescription],
		Handler:     md[keyHandler],
		Method:      split(md[keyMethod]),
		Path:        split(md[keyPath]),
		Host:        split(md[keyHost]),
		Stream:      md[keyStream] == "true",
	}
}

func split(list string) []string {
	var values []string
	for value := range strings.SplitSeq(list, listSeparator) {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// Validate reports the first thing wrong with an endpoint: it needs a name, a
// handler, and paths that are not empty and, when anchored with ^ and $, valid
// POSIX regular expressions.
func Validate(e *Endpoint) error {
	if e == nil {
		return errNilEndpoint
	}
	if e.Name == "" {
		return errNameRequired
	}
	for _, path := range e.Path {
		if err := validatePath(path); err != nil {
			return err
		}
	}
	if e.Handler == "" {
		return errInvalidHandler
	}
	return nil
}

func validatePath(path string) error {
	begins, ends := strings.HasPrefix(path, "^"), strings.HasSuffix(path, "$")
	if path == "" || begins != ends {
		return errInvalidPath
	}
	if !begins {
		return nil
	}
	if _, err := regexp.CompilePOSIX(path); err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	return nil
}
