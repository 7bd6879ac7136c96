package kubernetes

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// objects returns what a service is on the cluster.
func (k *kubernetes) objects(t target, s *runtime.Service, o runtime.CreateOptions) (*client.Deployment, *client.Service) {
	defaults := k.options.Get()
	typ, source, image := o.Type, s.Source, o.Image
	if typ == "" {
		typ = defaults.Type
	}
	if source == "" {
		source = defaults.Source
	}
	if image == "" {
		image = defaults.Image
	}
	d := client.NewDeployment(t.name, t.version, client.Format(typ), t.namespace)
	annotations := maps.Clone(s.Metadata)
	if annotations == nil {
		annotations = make(map[string]string)
	}
	maps.Copy(annotations, map[string]string{
		"name": s.Name, "version": s.Version, "source": source, "owner": "micro", "group": "micro",
	})
	d.Metadata.Annotations = annotations
	d.Spec.Template.Metadata.Annotations = maps.Clone(annotations)
	c := &d.Spec.Template.PodSpec.Containers[0]
	if image != "" {
		c.Image, c.Command, c.Args = image, nil, nil
	}
	for _, v := range o.Env {
		name, value, _ := strings.Cut(v, "=")
		c.Env = append(c.Env, client.EnvVar{Name: name, Value: value})
	}
	if len(o.Command) > 0 {
		c.Command = slices.Clone(o.Command)
	}
	if len(o.Args) > 0 {
		c.Args = slices.Clone(o.Args)
	}
	return d, client.NewService(t.name, t.version, client.Format(typ), t.namespace)
}

// change makes a deployment the patch of itself that applies an update and has
// its pods replaced.
func change(d *client.Deployment, s *runtime.Service, o runtime.UpdateOptions, at time.Time) {
	if d.Metadata.Annotations == nil {
		d.Metadata.Annotations = make(map[string]string)
	}
	maps.Copy(d.Metadata.Annotations, s.Metadata)
	if s.Source != "" {
		d.Metadata.Annotations["source"] = s.Source
	}
	roll(d, at)
	template := d.Spec.Template
	maps.Copy(template.Metadata.Annotations, s.Metadata)
	if s.Source != "" {
		template.Metadata.Annotations["source"] = s.Source
	}
	if template.PodSpec == nil || len(template.PodSpec.Containers) == 0 {
		return
	}
	c := &template.PodSpec.Containers[0]
	if o.Image != "" {
		c.Image = o.Image
	}
	for _, v := range o.Env {
		name, value, _ := strings.Cut(v, "=")
		i := slices.IndexFunc(c.Env, func(e client.EnvVar) bool { return e.Name == name })
		if i < 0 {
			c.Env = append(c.Env, client.EnvVar{Name: name, Value: value})
		} else {
			c.Env[i].Value = value
		}
	}
}

// roll makes a deployment the patch of itself that has its pods replaced. How many
// there are and its state are none of the patch's business.
func roll(d *client.Deployment, at time.Time) {
	d.Status = nil
	if d.Spec == nil {
		d.Spec = new(client.DeploymentSpec)
	}
	d.Spec.Replicas = 0
	if d.Spec.Template == nil {
		d.Spec.Template = new(client.Template)
	}
	m := d.Spec.Template.Metadata
	if m == nil {
		m = new(client.Metadata)
		d.Spec.Template.Metadata = m
	}
	if m.Annotations == nil {
		m.Annotations = make(map[string]string)
	}
	m.Annotations["updated"] = strconv.FormatInt(at.Unix(), 10)
}
