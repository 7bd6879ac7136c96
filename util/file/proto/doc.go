// Package go_micro_server holds the messages and the service of file.proto,
// with which util/file transfers files.
package go_micro_server
