// Package api makes requests to a Kubernetes API server.
//
//	response := api.NewRequest(options).Get().Resource("deployment").Name("greeter").Do()
//	err := response.Into(&deployment)
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Options say which API server is asked, and how.
type Options struct {
	// Host is the URL of the server, without a slash at its end.
	Host string
	// Namespace of requests that name none.
	Namespace string
	// BearerToken authorises requests; nil for none.
	BearerToken *string
	// Client sends the requests; http.DefaultClient when nil.
	Client *http.Client
}

// Params are the query parameters of a request.
type Params struct {
	// LabelSelector selects objects by the values of their labels.
	LabelSelector map[string]string
	// Annotations are ignored: a server does not select by them.
	Annotations map[string]string
	// Additional parameters, as they are.
	Additional map[string]string
}

// Request is a request being built; its methods are chained. What cannot be built
// is reported by Do and Raw. It is used by one goroutine.
type Request struct {
	host, namespace string
	client          *http.Client
	ctx             context.Context

	method   string
	resource string
	name     string
	sub      string
	header   http.Header
	params   url.Values
	body     []byte
	err      error
}

// NewRequest returns a request to a server.
func NewRequest(opts *Options) *Request {
	r := &Request{ctx: context.Background(), header: make(http.Header), params: make(url.Values), client: http.DefaultClient}
	if opts == nil {
		r.fail(errors.New("kubernetes: there are no options for the request"))
		return r
	}
	r.host, r.namespace = opts.Host, opts.Namespace
	if opts.Client != nil {
		r.client = opts.Client
	}
	if opts.BearerToken != nil {
		r.SetHeader("Authorization", "Bearer "+*opts.BearerToken)
	}
	return r
}

// fail keeps the first error.
func (r *Request) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *Request) verb(method string) *Request {
	r.method = method
	return r
}

// Context bounds the request, and reading its response.
func (r *Request) Context(ctx context.Context) {
	if ctx != nil {
		r.ctx = ctx
	}
}

// Get makes it a GET request.
func (r *Request) Get() *Request { return r.verb(http.MethodGet) }

// Post makes it a POST request.
func (r *Request) Post() *Request { return r.verb(http.MethodPost) }

// Put makes it a PUT request.
func (r *Request) Put() *Request { return r.verb(http.MethodPut) }

// Delete makes it a DELETE request.
func (r *Request) Delete() *Request { return r.verb(http.MethodDelete) }

// Patch makes it a PATCH request whose body is a strategic merge patch.
func (r *Request) Patch() *Request {
	return r.verb(http.MethodPatch).SetHeader("Content-Type", "application/strategic-merge-patch+json")
}

// Namespace sets the namespace; an empty one keeps that of the options.
func (r *Request) Namespace(s string) *Request {
	if s != "" {
		r.namespace = s
	}
	return r
}

// Resource sets the kind of object, in the singular and in lower case.
func (r *Request) Resource(s string) *Request {
	r.resource = s
	return r
}

// Name sets which object is meant; without one it is all of the kind.
func (r *Request) Name(s string) *Request {
	r.name = s
	return r
}

// SubResource sets a part of the object that is meant, "log" for instance.
func (r *Request) SubResource(s string) *Request {
	r.sub = s
	return r
}

// SetHeader sets a header.
func (r *Request) SetHeader(key, value string) *Request {
	r.header.Set(key, value)
	return r
}

// Params adds query parameters.
func (r *Request) Params(p *Params) *Request {
	if p == nil {
		return r
	}
	for key, value := range p.Additional {
		r.params.Set(key, value)
	}
	if len(p.LabelSelector) > 0 {
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(p.LabelSelector)) {
			labels = append(labels, key+"="+p.LabelSelector[key])
		}
		r.params.Set("labelSelector", strings.Join(labels, ","))
	}
	return r
}

// Body sets the body: the JSON of in, or what can be read from it when the header
// says that the content is YAML.
func (r *Request) Body(in any) *Request {
	var err error
	if r.header.Get("Content-Type") == "application/yaml" {
		reader, ok := in.(io.Reader)
		if !ok {
			r.fail(errors.New("invalid data"))
			return r
		}
		r.body, err = io.ReadAll(reader)
	} else {
		r.body, err = json.Marshal(in)
	}
	if err != nil {
		r.fail(fmt.Errorf("kubernetes: encode the body of a request: %w", err))
	}
	return r
}

// Raw sends the request and returns the response, whatever its status is. The
// caller closes its body.
func (r *Request) Raw() (*http.Response, error) {
	req, err := r.request()
	if err != nil {
		return nil, err
	}
	return r.client.Do(req)
}

func (r *Request) request() (*http.Request, error) {
	target, err := r.url()
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(r.ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	return req, nil
}

// url returns the address of the object or of all of the kind.
func (r *Request) url() (string, error) {
	if r.err != nil {
		return "", r.err
	}
	for what, part := range map[string]string{"namespace": r.namespace, "name": r.name, "resource": r.resource, "part": r.sub} {
		if part == "." || part == ".." {
			return "", fmt.Errorf("kubernetes: %q is not a %s", part, what)
		}
	}
	var target string
	switch namespace := url.PathEscape(r.namespace); r.resource {
	case "namespace":
		target = r.host + "/api/v1/namespaces/"
	case "deployment":
		target = r.host + "/apis/apps/v1/namespaces/" + namespace + "/deployments/"
	default:
		target = r.host + "/api/v1/namespaces/" + namespace + "/" + url.PathEscape(r.resource) + "s/"
	}
	target += url.PathEscape(r.name)
	if r.name != "" && r.sub != "" {
		target += "/" + url.PathEscape(r.sub)
	}
	if len(r.params) > 0 {
		target += "?" + r.params.Encode()
	}
	return target, nil
}
