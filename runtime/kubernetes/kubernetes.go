// Package kubernetes runs services on a Kubernetes cluster: each is a deployment
// and a service of the cluster. The process that uses it runs in that cluster, as a
// service account that may work on deployments, services, pods and namespaces.
//
//	r := kubernetes.NewRuntime(runtime.WithImage("registry.example.com/greeter:1"))
//	err := r.Create(&runtime.Service{Name: "greeter", Version: "1"})
//
// In a program that imports it, --runtime kubernetes names it too.
package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/util/cmd"
	"github.com/justcy/go-micro/v4/util/kubernetes/api"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// defaultType is the type of services that have none.
const defaultType = "service"

var errNotFound = errors.New("Service not found")

func init() { cmd.DefaultRuntimes["kubernetes"] = NewRuntime }

// NewRuntime returns a runtime of the cluster that this process runs in. Outside of
// a cluster its methods fail.
func NewRuntime(opts ...runtime.Option) runtime.Runtime {
	return New(client.NewClusterClient(), opts...)
}

// New returns a runtime of the cluster of a client.
func New(c client.Client, opts ...runtime.Option) runtime.Runtime {
	o := runtime.NewOptions(opts...)
	if o.Type == "" {
		o.Type = defaultType
	}
	return &kubernetes{client: c, options: options.New(*o), namespaces: make(map[string]bool)}
}

type kubernetes struct {
	client  client.Client
	options *options.Current[runtime.Options]

	mu         sync.Mutex
	namespaces map[string]bool // that are known to be there
	watch      *watch          // nil unless started
}

func (k *kubernetes) String() string { return "kubernetes" }

func (k *kubernetes) Init(opts ...runtime.Option) error {
	options.Apply(k.options, opts)
	return nil
}

func (k *kubernetes) log(level logger.Level, format string, args ...any) {
	if l := k.options.Get().Logger; l != nil {
		l.Logf(level, format, args...)
	}
}

// target is the cluster's names of a service.
type target struct {
	name, version, namespace string
}

func targetOf(s *runtime.Service, namespace string) (target, error) {
	if s == nil || s.Name == "" {
		return target{}, errors.New("the service has no name")
	}
	return target{name: client.Format(s.Name), version: client.Format(s.Version), namespace: namespaceOf(namespace)}, nil
}

func namespaceOf(namespace string) string {
	if namespace == "" {
		return client.DefaultNamespace
	}
	return client.SerializeResourceName(namespace)
}

// labels select the objects of a service, of every version when it has none.
func (t target) labels() map[string]string {
	labels := map[string]string{"name": t.name}
	if t.version != "" {
		labels["version"] = t.version
	}
	return labels
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// explain says what failed, and on which service. An error that the service is
// there is returned as it is.
func explain(doing string, s *runtime.Service, err error) error {
	if err == nil || err == runtime.ErrAlreadyExists {
		return err
	}
	name := ""
	if s != nil {
		name = s.Name
	}
	return fmt.Errorf("%s service %q: %w", doing, name, err)
}

// exists makes the server's word for it runtime.ErrAlreadyExists.
func exists(err error) error {
	var refused *api.StatusError
	if errors.As(err, &refused) && refused.Status.Reason == "AlreadyExists" {
		return runtime.ErrAlreadyExists
	}
	return err
}

// setStatus records in the metadata of a service what became of it.
func setStatus(s *runtime.Service, status string, err error) {
	if s == nil {
		return
	}
	if s.Metadata == nil {
		s.Metadata = make(map[string]string)
	}
	s.Metadata["status"] = status
	s.Metadata["lastStatusUpdate"] = time.Now().Format(time.RFC3339)
	if err != nil {
		s.Metadata["status"], s.Metadata["error"] = "error", err.Error()
	} else {
		delete(s.Metadata, "error")
	}
}

func (k *kubernetes) Create(s *runtime.Service, opts ...runtime.CreateOption) error {
	err := k.create(s, options.Of(opts))
	setStatus(s, "started", err)
	return explain("create", s, err)
}

func (k *kubernetes) create(s *runtime.Service, o runtime.CreateOptions) error {
	ctx := orBackground(o.Context)
	t, err := targetOf(s, o.Namespace)
	if err != nil {
		return err
	}
	if err := k.ensureNamespace(ctx, t.namespace); err != nil {
		return fmt.Errorf("namespace %s: %w", t.namespace, err)
	}
	d, ks := k.objects(t, s, o)
	if err := k.createObject(ctx, t.namespace, "deployment", d.Metadata.Name, d); err != nil {
		return err
	}
	err = k.createObject(ctx, t.namespace, "service", ks.Metadata.Name, ks)
	if err == nil {
		return nil
	}
	// Nothing is left half-made, also when it is ctx that has ended.
	undo := k.client.Delete(&client.Resource{Kind: "deployment", Name: d.Metadata.Name},
		client.DeleteNamespace(t.namespace), client.DeleteContext(context.WithoutCancel(ctx)))
	if undo != nil && !errors.Is(undo, api.ErrNotFound) {
		return errors.Join(err, fmt.Errorf("its deployment %s is left: %w", d.Metadata.Name, undo))
	}
	return err
}

// createObject creates an object. An error that it is there is returned as it is.
func (k *kubernetes) createObject(ctx context.Context, namespace, kind, name string, value any) error {
	err := k.client.Create(&client.Resource{Kind: kind, Name: name, Value: value},
		client.CreateNamespace(namespace), client.CreateContext(ctx))
	if errors.Is(err, api.ErrNotFound) { // the namespace is not there any more
		k.forget(namespace)
	}
	if err = exists(err); err == nil || err == runtime.ErrAlreadyExists {
		return err
	}
	return fmt.Errorf("%s %s in namespace %s: %w", kind, name, namespace, err)
}

// ensureNamespace creates a namespace that is not there.
func (k *kubernetes) ensureNamespace(ctx context.Context, namespace string) error {
	if namespace == client.DefaultNamespace || k.knows(namespace) {
		return nil
	}
	list := new(client.NamespaceList)
	if err := k.client.List(&client.Resource{Kind: "namespace", Value: list}, client.ListContext(ctx)); err != nil {
		return err
	}
	for _, n := range list.Items {
		if n.Metadata != nil {
			k.learn(n.Metadata.Name)
		}
	}
	if k.knows(namespace) {
		return nil
	}
	err := k.client.Create(&client.Resource{Kind: "namespace", Name: namespace,
		Value: client.Namespace{Metadata: &client.Metadata{Name: namespace}}}, client.CreateContext(ctx))
	if err = exists(err); err != nil && err != runtime.ErrAlreadyExists {
		return err
	}
	k.learn(namespace)
	return nil
}

func (k *kubernetes) knows(namespace string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.namespaces[namespace]
}

func (k *kubernetes) learn(namespace string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.namespaces[namespace] = true
}

func (k *kubernetes) forget(namespace string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.namespaces, namespace)
}

func (k *kubernetes) Update(s *runtime.Service, opts ...runtime.UpdateOption) error {
	o := options.Of(opts)
	return explain("update", s, k.update(orBackground(o.Context), s, o))
}

func (k *kubernetes) update(ctx context.Context, s *runtime.Service, o runtime.UpdateOptions) error {
	t, err := targetOf(s, o.Namespace)
	if err != nil {
		return err
	}
	found, err := k.read(ctx, t.namespace, t.labels())
	if err != nil {
		return err
	}
	updated := 0
	for _, f := range found {
		if f.deployment == nil {
			continue
		}
		change(f.deployment, s, o, time.Now())
		if err := k.patch(ctx, t.namespace, "deployment", f.deployment.Metadata.Name, f.deployment); err != nil {
			return err
		}
		f.service.Status = nil
		if err := k.patch(ctx, t.namespace, "service", f.service.Metadata.Name, f.service); err != nil {
			return err
		}
		updated++
	}
	if updated == 0 {
		return fmt.Errorf("%w in namespace %s", errNotFound, t.namespace)
	}
	return nil
}

func (k *kubernetes) patch(ctx context.Context, namespace, kind, name string, value any) error {
	err := k.client.Update(&client.Resource{Kind: kind, Name: name, Value: value},
		client.UpdateNamespace(namespace), client.UpdateContext(ctx))
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, name, err)
	}
	return nil
}

func (k *kubernetes) Delete(s *runtime.Service, opts ...runtime.DeleteOption) error {
	o := options.Of(opts)
	err := k.delete(orBackground(o.Context), s, o.Namespace)
	setStatus(s, "stopped", err)
	return explain("delete", s, err)
}

func (k *kubernetes) delete(ctx context.Context, s *runtime.Service, namespace string) error {
	t, err := targetOf(s, namespace)
	if err != nil {
		return err
	}
	name := client.NewService(t.name, t.version, "", t.namespace).Metadata.Name
	for _, kind := range []string{"service", "deployment"} {
		err := k.client.Delete(&client.Resource{Kind: kind, Name: name},
			client.DeleteNamespace(t.namespace), client.DeleteContext(ctx))
		if err != nil && !errors.Is(err, api.ErrNotFound) { // it may be gone already
			return fmt.Errorf("%s %s: %w", kind, name, err)
		}
	}
	return nil
}
