package grpc

import "net/http"

// The status codes of gRPC that have an HTTP status code of their own here.
const (
	unknown            = 2
	invalidArgument    = 3
	deadlineExceeded   = 4
	notFound           = 5
	alreadyExists      = 6
	permissionDenied   = 7
	failedPrecondition = 9
	unimplemented      = 12
	internal           = 13
	unavailable        = 14
	unauthenticated    = 16
)

var codes = map[int32]uint32{
	http.StatusBadRequest:          invalidArgument,
	http.StatusUnauthorized:        unauthenticated,
	http.StatusForbidden:           permissionDenied,
	http.StatusNotFound:            notFound,
	http.StatusRequestTimeout:      deadlineExceeded,
	http.StatusConflict:            alreadyExists,
	http.StatusPreconditionFailed:  failedPrecondition,
	http.StatusInternalServerError: internal,
	http.StatusNotImplemented:      unimplemented,
	http.StatusServiceUnavailable:  unavailable,
}

// Code returns the gRPC status code for the code of an error, which is HTTP's:
// NotFound for 404. A code without a counterpart is Unknown.
func Code(code int32) uint32 {
	if c, ok := codes[code]; ok {
		return c
	}
	return unknown
}

// HTTPCode is the other way round: 404 for NotFound, and 500 for a status code
// without a counterpart.
func HTTPCode(code uint32) int32 {
	for http, grpc := range codes {
		if grpc == code {
			return http
		}
	}
	return http.StatusInternalServerError
}
