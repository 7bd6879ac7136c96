package kubernetes

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// found is what the cluster has of a service.
type found struct {
	service    *client.Service
	deployment *client.Deployment // nil when there is none
	pods       []*client.Pod
}

func (k *kubernetes) Read(opts ...runtime.ReadOption) ([]*runtime.Service, error) {
	o := options.Of(opts)
	labels := make(map[string]string)
	for label, value := range map[string]string{"name": o.Service, "version": o.Version, "micro": o.Type} {
		if value != "" {
			labels[label] = client.Format(value)
		}
	}
	all, err := k.read(orBackground(o.Context), namespaceOf(o.Namespace), labels)
	if err != nil {
		return nil, fmt.Errorf("read services: %w", err)
	}
	services := make([]*runtime.Service, 0, len(all))
	for _, f := range all {
		services = append(services, f.describe())
	}
	return services, nil
}

// read returns what the cluster has with the labels.
func (k *kubernetes) read(ctx context.Context, namespace string, labels map[string]string) ([]*found, error) {
	services, deployments, pods := new(client.ServiceList), new(client.DeploymentList), new(client.PodList)
	for _, list := range []client.Resource{
		{Kind: "service", Value: services}, {Kind: "deployment", Value: deployments}, {Kind: "pod", Value: pods},
	} {
		err := k.client.Get(&list, client.GetNamespace(namespace), client.GetLabels(labels), client.GetContext(ctx))
		if err != nil {
			return nil, fmt.Errorf("%ss of namespace %s: %w", list.Kind, namespace, err)
		}
	}
	var all []*found
	of := make(map[[2]string]*found)
	for i := range services.Items {
		s := &services.Items[i]
		if s.Metadata == nil {
			continue
		}
		f := &found{service: s}
		all = append(all, f)
		of[identity(s.Metadata)] = f
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		if f := of[identity(d.Metadata)]; f != nil && d.Metadata != nil {
			f.deployment = d
		}
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if f := of[identity(p.Metadata)]; f != nil && p.Metadata != nil {
			f.pods = append(f.pods, p)
		}
	}
	return all, nil
}

// identity is what the objects of a service have in common: name and version.
func identity(m *client.Metadata) [2]string {
	if m == nil {
		return [2]string{}
	}
	return [2]string{m.Labels["name"], m.Labels["version"]}
}

// describe returns the service.
func (f *found) describe() *runtime.Service {
	labels := f.service.Metadata.Labels
	s := &runtime.Service{Name: labels["name"], Version: labels["version"], Metadata: map[string]string{"type": labels["micro"]}}
	f.annotate(s, f.service.Metadata.Annotations)
	if spec := f.service.Spec; spec != nil && len(spec.Ports) > 0 {
		s.Metadata["address"] = net.JoinHostPort(spec.ClusterIP, strconv.Itoa(spec.Ports[0].Port))
	}
	status, started := "n/a", ""
	if d := f.deployment; d != nil {
		f.annotate(s, d.Metadata.Annotations)
		if d.Status != nil && len(d.Status.Conditions) > 0 {
			status, started = d.Status.Conditions[0].Type, d.Status.Conditions[0].LastUpdateTime
		}
	}
	for _, p := range f.pods {
		if p.Status == nil || len(p.Status.Containers) == 0 {
			continue
		}
		if status = p.Status.Phase; status == "Failed" {
			status = p.Status.Reason
		}
		state := p.Status.Containers[0].State
		if state.Waiting != nil {
			status = state.Waiting.Reason
		}
		if state.Running != nil {
			started = state.Running.Started
		}
	}
	s.Metadata["status"] = status
	if started != "" {
		s.Metadata["started"] = started
	}
	return s
}

// annotate takes over annotations. Some of a deployment's say what the service is
// called.
func (f *found) annotate(s *runtime.Service, annotations map[string]string) {
	for key, value := range annotations {
		switch key {
		case "name":
			s.Name = value
		case "version":
			s.Version = value
		case "source":
			s.Source = value
		default:
			s.Metadata[key] = value
		}
	}
}
