package main

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"strconv"
)

// imports are those of one file that have to do with go-micro.
type imports struct {
	changed int      // how many were rewritten
	left    []string // plugins that are nowhere
}

// rewriteImports returns the source of a Go file with its imports rewritten. All
// else stays as it is, except that a file that gofmt had nothing to say about is
// sorted as gofmt wants it.
func rewriteImports(name string, src []byte, m paths) ([]byte, imports, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
	if err != nil {
		return nil, imports{}, err
	}
	var out []byte
	var found imports
	copied := 0
	for _, spec := range file.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, imports{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		to := m.of(from)
		if to == from {
			if isPlugin(from) {
				found.left = append(found.left, from)
			}
			continue
		}
		found.changed++
		out = append(out, src[copied:fset.Position(spec.Path.Pos()).Offset]...)
		out = append(out, strconv.Quote(to)...)
		copied = fset.Position(spec.Path.End()).Offset
	}
	if found.changed == 0 {
		return src, found, nil
	}
	out = append(out, src[copied:]...)
	if formatted, err := format.Source(src); err == nil && bytes.Equal(formatted, src) {
		if formatted, err = format.Source(out); err == nil {
			out = formatted
		}
	}
	return out, found, nil
}
