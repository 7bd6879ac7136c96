package client

import (
	"net/http"

	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

// NewClientVia returns a client whose requests take a way of the test's.
func NewClientVia(way http.RoundTripper) Client {
	return &client{opts: &api.Options{Client: &http.Client{Transport: way}, Host: "http://server", Namespace: DefaultNamespace}}
}

// NewClientOf is NewClusterClient with the folder of another service account.
func NewClientOf(account string) Client { return newClusterClient(account) }

// HostOf returns the address of a client's server.
func HostOf(c Client) string { return c.(*client).opts.Host }

// CloseIdle closes the idle connections of a client.
func CloseIdle(c Client) {
	c.(*client).opts.Client.Transport.(*tokenTransport).next.(*http.Transport).CloseIdleConnections()
}
