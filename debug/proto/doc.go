// Package debug holds the messages and the service of debug.proto, which show
// the inside of a running service.
package debug
