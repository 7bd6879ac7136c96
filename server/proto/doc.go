// Package go_micro_server holds the messages and the service of
// server.proto: a server that takes requests and messages on behalf of others.
package go_micro_server
