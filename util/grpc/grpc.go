// Package grpc reads the names gRPC gives to methods, and translates between its
// status codes and the codes of errors.
package grpc

import (
	"fmt"
	"strings"
)

// ServiceMethod splits the name of a method, "Foo.Bar", "/Foo/Bar" or
// "/a.pkg.Foo/Bar", into "Foo" and "Bar".
func ServiceMethod(m string) (string, string, error) {
	service, method, ok := split(m)
	if !ok {
		return "", "", fmt.Errorf("malformed method name: %q", m)
	}
	return service, method, nil
}

func split(m string) (service, method string, ok bool) {
	path, isPath := strings.CutPrefix(m, "/")
	if !isPath {
		service, method, ok = strings.Cut(m, ".")
		return service, method, ok && !strings.Contains(method, ".")
	}
	name, method, _ := strings.Cut(path, "/")
	service = name[strings.LastIndexByte(name, '.')+1:]
	return service, method, service != "" && method != "" && !strings.Contains(method, "/")
}

// ServiceFromMethod returns the package of a method, "a.pkg" for
// "/a.pkg.Foo/Bar", which is the name of the service it belongs to. A name of
// another form is returned unchanged.
func ServiceFromMethod(m string) string {
	path, isPath := strings.CutPrefix(m, "/")
	name, _, hasMethod := strings.Cut(path, "/")
	dot := strings.LastIndexByte(name, '.')
	if !isPath || !hasMethod || dot < 0 {
		return m
	}
	return name[:dot]
}
