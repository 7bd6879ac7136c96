//go:build tools

// Package tools pins the programs that the Makefile runs, so that they stay
// out of the library's own go.mod.
package tools

import (
	_ "google.golang.org/protobuf/cmd/protoc-gen-go"
	_ "honnef.co/go/tools/cmd/staticcheck"
)
