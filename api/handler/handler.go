// Package handler is the interface to what answers the requests of a gateway. Its
// folders hold the kinds, by which the endpoints of services choose:
//
//	rpc    turns a request into a call, and its reply into the response
//	api    hands the request itself to a service, as a message
//	event  publishes the request
//	http   passes the request on to a service that speaks HTTP
//	web    does so too, WebSockets included
package handler

import "net/http"

// Handler answers requests.
type Handler interface {
	http.Handler
	// String names the kind.
	String() string
}
