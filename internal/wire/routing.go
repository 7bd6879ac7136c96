package wire

import (
	"net/http"
	"strings"
)

// What a server answers, as plain text, that finds no method for a request or cannot
// read it: each is followed by what it is about.
const (
	IllFormed   = "rpc: service/endpoint request ill-formed: "
	NoHandler   = "rpc: can't find service "
	NoMethod    = "rpc: can't find method "
	Undecodable = "rpc: router cannot decode request: "
)

// RoutingStatus is the status of HTTP for the text of an error that has no code.
func RoutingStatus(text string) int {
	switch {
	case strings.HasPrefix(text, IllFormed), strings.HasPrefix(text, Undecodable):
		return http.StatusBadRequest
	case strings.HasPrefix(text, NoHandler), strings.HasPrefix(text, NoMethod):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}
