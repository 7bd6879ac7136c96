// Package http helps programs that speak HTTP beside RPC: writing responses,
// carrying headers into a context, and sending requests to services by name.
package http

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/justcy/go-micro/v4/util/ctx"
)

// Write writes a whole response.
func Write(w http.ResponseWriter, contentType string, status int, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write([]byte(body)) //nolint:errcheck // the peer has gone, there is nobody to tell
}

// WriteBadRequestError writes a 400 whose JSON body holds the error's text.
func WriteBadRequestError(w http.ResponseWriter, err error) {
	writeError(w, http.StatusBadRequest, err)
}

// WriteInternalServerError writes a 500 whose JSON body holds the error's text.
func WriteInternalServerError(w http.ResponseWriter, err error) {
	writeError(w, http.StatusInternalServerError, err)
}

func writeError(w http.ResponseWriter, status int, err error) {
	body, _ := json.Marshal(map[string]string{"error": err.Error()}) // strings always marshal
	Write(w, "application/json", status, string(body))
}

// RequestToContext returns the request's context with its headers as metadata,
// several values of a name joined by commas.
func RequestToContext(r *http.Request) context.Context {
	return ctx.FromRequest(r)
}
