// Package cors sets the headers that let pages of other origins use a server
// (https://fetch.spec.whatwg.org/#http-cors-protocol).
package cors

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Config says what pages of other origins may do. The zero value of each field is
// its default.
type Config struct {
	// AllowOrigin is the origin of the pages, such as "https://app.example.com",
	// or several, joined by commas; Any, the default, stands for all.
	AllowOrigin string
	// AllowMethods are the methods they may use, joined by commas; POST, PATCH,
	// GET, OPTIONS, PUT and DELETE by default.
	AllowMethods string
	// AllowHeaders are the headers they may send, joined by commas.
	AllowHeaders string
	// AllowCredentials lets them send cookies. Browsers do so for origins that are
	// named, and not for Any.
	AllowCredentials bool
}

// Any is the AllowOrigin that stands for all origins.
const Any = "*"

const (
	defaultMethods = "POST, PATCH, GET, OPTIONS, PUT, DELETE"
	defaultHeaders = "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization"
)

// CombinedCORSHandler sets the headers for each request, and answers those with
// the method OPTIONS itself.
func CombinedCORSHandler(h http.Handler, config *Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if config != nil {
			SetHeaders(w, r, config)
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusOK)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// SetHeaders sets those headers of a response that it does not have yet. A page
// whose origin is none of several gets none.
func SetHeaders(w http.ResponseWriter, r *http.Request, config *Config) {
	if config == nil {
		return
	}
	origin := or(config.AllowOrigin, Any)
	list := config.Origins()
	if slices.Contains(list, Any) {
		origin = Any
	}
	if origin != Any {
		addVary(w.Header())
	}
	if origin != Any && len(list) > 1 {
		if origin = r.Header.Get("Origin"); !slices.Contains(list, origin) {
			return
		}
	}
	set(w, "Access-Control-Allow-Credentials", strconv.FormatBool(config.AllowCredentials))
	set(w, "Access-Control-Allow-Origin", origin)
	set(w, "Access-Control-Allow-Methods", or(config.AllowMethods, defaultMethods))
	set(w, "Access-Control-Allow-Headers", or(config.AllowHeaders, defaultHeaders))
}

// Origins are the origins of AllowOrigin.
func (c *Config) Origins() []string {
	var list []string
	for origin := range strings.SplitSeq(c.AllowOrigin, ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			list = append(list, origin)
		}
	}
	return list
}

func addVary(h http.Header) {
	if !slices.Contains(h["Vary"], "Origin") {
		h.Add("Vary", "Origin")
	}
}

func set(w http.ResponseWriter, name, value string) {
	if w.Header().Get(name) == "" {
		w.Header().Set(name, value)
	}
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
