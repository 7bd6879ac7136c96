// Package client calls services through a gateway, over HTTP:
//
//	c := client.NewClient(&client.Options{Address: "https://api.example.com", Token: token})
//	err := c.Call("greeter", "Hello", &HelloRequest{Name: "Ada"}, rsp)
//
// Programs in the network of the services use package client of the framework
// instead.
package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// localAddress is where a gateway on this machine listens by default.
	localAddress = "http://localhost:8080"
	// maxResponse is how many bytes a response may have.
	maxResponse = 100 << 20
)

// Options configure a Client.
type Options struct {
	// Token is sent as a bearer token (RFC 6750); none if it is empty.
	Token string
	// Address of the gateway, as a URL or host:port; http://localhost:8080 if it is
	// empty.
	Address string
	// Local uses http://localhost:8080 whatever Address says.
	Local bool
	// Timeout of calls; none if it is not positive.
	Timeout time.Duration
}

// Request is a call as JSON.
type Request struct {
	Service  string `json:"service"`
	Endpoint string `json:"endpoint"`
	Body     string `json:"body"`
}

// Response is a reply, or an error, as JSON.
type Response struct {
	Body   string `json:"body"`
	ID     string `json:"id"`
	Detail string `json:"detail"`
	Status string `json:"status"`
	Code   int    `json:"code"`
}

// Client calls services through a gateway. Its methods may be called concurrently.
type Client struct {
	mu   sync.RWMutex // guards opts
	opts Options
}

// NewClient returns a client with options, the defaults for nil.
func NewClient(options *Options) *Client {
	c := new(Client)
	if options != nil {
		c.opts = *options
	}
	return c
}

// SetToken sets the token for what is called from now on.
func (c *Client) SetToken(t string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opts.Token = t
}

// SetTimeout sets the timeout of calls from now on; none if it is not positive.
func (c *Client) SetTimeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opts.Timeout = d
}

func (c *Client) options() Options {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.opts
}

// url is where an endpoint is called.
func (o Options) url(service, endpoint string) string {
	base := o.Address
	if o.Local || base == "" {
		base = localAddress
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return strings.TrimSuffix(base, "/") + "/" + service + "/" + endpoint
}

func (o Options) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if o.Token != "" {
		h.Set("Authorization", "Bearer "+o.Token)
	}
	return h
}

// Call sends request as JSON and decodes the reply into response, a pointer, which
// an empty reply leaves as it is. An error of the service or the gateway has the
// body of the response as its text, which errors.Parse understands.
func (c *Client) Call(service, endpoint string, request, response any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("call %s %s: encode the request: %w", service, endpoint, err)
	}
	o := c.options()
	req, err := http.NewRequest(http.MethodPost, o.url(service, endpoint), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s %s: %w", service, endpoint, err)
	}
	req.Header = o.header()
	rsp, err := (&http.Client{Timeout: max(0, o.Timeout)}).Do(req)
	if err != nil {
		return fmt.Errorf("call %s %s: %w", service, endpoint, err)
	}
	defer rsp.Body.Close()
	data, err := io.ReadAll(http.MaxBytesReader(nil, rsp.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("call %s %s: read the response: %w", service, endpoint, err)
	}
	if rsp.StatusCode < 200 || rsp.StatusCode > 299 {
		return errors.New(string(data))
	}
	if len(data) == 0 {
		return nil
	}
	if err := json.Unmarshal(data, response); err != nil {
		return fmt.Errorf("call %s %s: decode the response: %w", service, endpoint, err)
	}
	return nil
}
