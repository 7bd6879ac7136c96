// Package client reads, changes and watches objects of a Kubernetes cluster.
//
//	c := client.NewClusterClient()
//	pods := new(client.PodList)
//	err := c.Get(&client.Resource{Kind: "pod", Value: pods}, client.GetLabels(map[string]string{"name": "greeter"}))
//
// Errors of the server are those of package api: api.ErrNotFound, and
// *api.StatusError for what else was refused.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

var (
	// ErrReadNamespace is not returned.
	ErrReadNamespace = errors.New("could not read namespace from service account secret")
	// DefaultImage is the image of deployments that name none.
	DefaultImage = "micro/go-micro"
	// DefaultNamespace is the namespace of objects that name none.
	DefaultNamespace = "default"
)

// callTimeout bounds a call whose context has no deadline. Logs and watches last
// as long as they do.
const callTimeout = 30 * time.Second

// Client works on the objects of a cluster. It may be used concurrently.
type Client interface {
	// Create creates the object that is the value of a resource. Kinds are
	// deployment, service, namespace, secret and serviceaccount.
	Create(*Resource, ...CreateOption) error
	// Get reads the object of the name, or the list of the objects with the
	// labels, into the value of a resource.
	Get(*Resource, ...GetOption) error
	// Update merges the value of a resource into the object of the name. Kinds are
	// deployment, service and pod.
	Update(*Resource, ...UpdateOption) error
	// Delete deletes the object of the name.
	Delete(*Resource, ...DeleteOption) error
	// List reads the list of all objects of a kind into the value of a resource.
	List(*Resource, ...ListOption) error
	// Log returns what the pod of the name logs. The caller closes it.
	Log(*Resource, ...LogOption) (io.ReadCloser, error)
	// Watch tells what becomes of the objects of a kind, or of the one of the
	// name.
	Watch(*Resource, ...WatchOption) (Watcher, error)
}

type client struct {
	opts *api.Options
	err  error // why no request can be made; nil as a rule
}

// request returns a request bounded by ctx, or by callTimeout.
func (c *client) request(ctx context.Context) (*api.Request, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	cancel := context.CancelFunc(func() {})
	if _, bounded := ctx.Deadline(); !bounded {
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
	}
	r := api.NewRequest(c.opts)
	r.Context(ctx)
	return r, cancel
}

// do sends a request that is answered with nothing to read.
func do(r *api.Request) error {
	response := r.Do()
	defer response.Close()
	return response.Error()
}

func orDefault(namespace string) string {
	if namespace == "" {
		return DefaultNamespace
	}
	return namespace
}

func (c *client) Create(r *Resource, opts ...CreateOption) error {
	if c.err != nil {
		return c.err
	}
	o := options.Of(opts)
	body, err := render(r.Kind, r.Value)
	if err != nil {
		return err
	}
	req, cancel := c.request(o.Context)
	defer cancel()
	return do(req.Post().SetHeader("Content-Type", "application/yaml").Namespace(orDefault(o.Namespace)).Resource(r.Kind).Body(body))
}

func (c *client) Get(r *Resource, opts ...GetOption) error {
	if c.err != nil {
		return c.err
	}
	o := options.Of(opts)
	req, cancel := c.request(o.Context)
	defer cancel()
	return req.Get().Namespace(orDefault(o.Namespace)).Resource(r.Kind).Name(r.Name).
		Params(&api.Params{LabelSelector: o.Labels}).Do().Into(r.Value)
}

func (c *client) List(r *Resource, opts ...ListOption) error {
	o := options.Of(opts)
	return c.Get(&Resource{Kind: r.Kind, Value: r.Value}, func(g *GetOptions) { g.Namespace, g.Context = o.Namespace, o.Context })
}

func (c *client) Update(r *Resource, opts ...UpdateOption) error {
	if c.err != nil {
		return c.err
	}
	o := options.Of(opts)
	switch r.Kind {
	case "service", "deployment", "pod":
	default:
		return fmt.Errorf("unsupported resource: %q cannot be updated", r.Kind)
	}
	req, cancel := c.request(o.Context)
	defer cancel()
	return do(req.Patch().Namespace(orDefault(o.Namespace)).Resource(r.Kind).Name(r.Name).Body(r.Value))
}

func (c *client) Delete(r *Resource, opts ...DeleteOption) error {
	if c.err != nil {
		return c.err
	}
	o := options.Of(opts)
	if r.Name == "" {
		return fmt.Errorf("delete %s: it needs a name", r.Kind)
	}
	req, cancel := c.request(o.Context)
	defer cancel()
	return do(req.Delete().Namespace(orDefault(o.Namespace)).Resource(r.Kind).Name(r.Name))
}

func (c *client) Log(r *Resource, opts ...LogOption) (io.ReadCloser, error) {
	if c.err != nil {
		return nil, c.err
	}
	o := options.Of(opts)
	req := api.NewRequest(c.opts).Get().Resource("pod").SubResource("log").Name(r.Name).
		Namespace(orDefault(o.Namespace)).Params(&api.Params{Additional: o.Params})
	return stream(o.Context, req)
}

// errSilent ends a request for a stream that nobody answers.
var errSilent = fmt.Errorf("the server did not answer within %v", callTimeout)

// stream returns the body of a response that goes on until it is closed, or ctx
// ends. That it begins is waited for no longer than for other responses.
func stream(ctx context.Context, req *api.Request) (io.ReadCloser, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	silent := time.AfterFunc(callTimeout, func() { cancel(errSilent) })
	req.Context(ctx)
	res, err := req.Raw()
	silent.Stop()
	switch {
	case err == nil && res.StatusCode >= 200 && res.StatusCode < 300:
		return &body{res.Body, cancel}, nil
	case err == nil:
		_ = res.Body.Close()
		err = &streamError{url: res.Request.URL.Redacted(), status: res.Status, code: res.StatusCode}
	case context.Cause(ctx) == errSilent && !errors.Is(err, errSilent):
		err = fmt.Errorf("%w: %w", err, errSilent)
	}
	cancel(nil)
	return nil, err
}

// body is that of a response whose request has a context of its own.
type body struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *body) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// streamError is a stream that the server refused.
type streamError struct {
	url, status string
	code        int
}

func (e *streamError) Error() string { return e.url + ": " + e.status }

// Unwrap returns api.ErrNotFound where it is.
func (e *streamError) Unwrap() error {
	if e.code == http.StatusNotFound {
		return api.ErrNotFound
	}
	return nil
}

func (c *client) Watch(r *Resource, opts ...WatchOption) (Watcher, error) {
	if c.err != nil {
		return nil, c.err
	}
	o := options.Of(opts)
	o.Namespace = orDefault(o.Namespace)
	o.Params = maps.Clone(o.Params)
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.Resume {
		return newResumingWatcher(c, r, o)
	}
	return newWatcher(c, r, o)
}

// NewService returns a service that reaches the pods of NewDeployment at port 8080.
func NewService(name, version, typ, namespace string) *Service {
	m := metadata(name, version, typ, namespace)
	return &Service{Metadata: m, Spec: &ServiceSpec{
		Type: "ClusterIP", Selector: maps.Clone(m.Labels),
		Ports: []ServicePort{{Name: "service-port", Port: 8080}},
	}}
}

// NewDeployment returns a deployment of one container that runs the Go program in
// its image. It acts as the service account called as the namespace.
func NewDeployment(name, version, typ, namespace string) *Deployment {
	m := metadata(name, version, typ, namespace)
	return &Deployment{Metadata: m, Spec: &DeploymentSpec{
		Replicas: 1, Selector: &LabelSelector{MatchLabels: maps.Clone(m.Labels)},
		Template: &Template{
			Metadata: &Metadata{Labels: maps.Clone(m.Labels)},
			PodSpec: &PodSpec{ServiceAccountName: m.Namespace, Containers: []Container{{
				Name: name, Image: DefaultImage, Env: []EnvVar{{Name: "GO111MODULE", Value: "on"}},
				Command: []string{"go", "run", "."},
				Ports:   []ContainerPort{{Name: "service-port", ContainerPort: 8080}},
			}}},
		},
	}}
}

func metadata(name, version, typ, namespace string) *Metadata {
	m := &Metadata{
		Name: name, Version: version, Namespace: SerializeResourceName(orDefault(namespace)),
		Labels: map[string]string{"name": name, "version": version, "micro": typ},
	}
	if version != "" {
		m.Name = name + "-" + version
	}
	return m
}
