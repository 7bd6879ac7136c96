package client

import "net/http"

// NewClientOf is NewClusterClient with the folder of another service account.
func NewClientOf(account string) Client { return newClusterClient(account) }

// HostOf returns the address of a client's server.
func HostOf(c Client) string { return c.(*client).opts.Host }

// CloseIdle closes the idle connections of a client.
func CloseIdle(c Client) {
	c.(*client).opts.Client.Transport.(*tokenTransport).next.(*http.Transport).CloseIdleConnections()
}
