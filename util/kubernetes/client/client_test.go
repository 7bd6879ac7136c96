package client_test

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

func TestObjectsAreCreatedReadChangedAndDeleted(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	d := client.NewDeployment("greeter", "1-0", "service", "my/ns")
	s := client.NewService("greeter", "1-0", "service", "my/ns")
	ns := "my/ns"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.Create(&client.Resource{Kind: "namespace", Value: client.Namespace{Metadata: &client.Metadata{Name: "my-ns"}}}))
	must(c.Create(&client.Resource{Kind: "deployment", Name: d.Metadata.Name, Value: d}, client.CreateNamespace(ns)))
	must(c.Create(&client.Resource{Kind: "service", Name: s.Metadata.Name, Value: s}, client.CreateNamespace(ns)))
	services := new(client.ServiceList)
	must(c.Get(&client.Resource{Kind: "service", Value: services}, client.GetNamespace(ns), client.GetLabels(map[string]string{"name": "greeter", "micro": "service"})))
	all := new(client.DeploymentList)
	must(c.List(&client.Resource{Kind: "deployment", Value: all}, client.ListNamespace(ns)))
	must(c.Update(&client.Resource{Kind: "deployment", Name: "greeter-1-0", Value: client.Deployment{Metadata: &client.Metadata{Annotations: map[string]string{"a": "b"}}}}, client.UpdateNamespace(ns)))
	one := new(client.Deployment)
	must(c.Get(&client.Resource{Kind: "deployment", Name: "greeter-1-0", Value: one}, client.GetNamespace(ns)))
	must(c.Delete(&client.Resource{Kind: "service", Name: "greeter-1-0"}, client.DeleteNamespace(ns)))

	if len(services.Items) != 1 || len(all.Items) != 1 || one.Metadata.Annotations["a"] != "b" || one.Metadata.Name != "greeter-1-0" {
		t.Errorf("got %+v, %+v, %+v", services, all, one.Metadata)
	}
	want := []struct{ request, content string }{
		{"POST /api/v1/namespaces/", "application/yaml"},
		{"POST /apis/apps/v1/namespaces/my-ns/deployments/", "application/yaml"},
		{"POST /api/v1/namespaces/my-ns/services/", "application/yaml"},
		{"GET /api/v1/namespaces/my-ns/services/?labelSelector=micro%3Dservice%2Cname%3Dgreeter", ""},
		{"GET /apis/apps/v1/namespaces/my-ns/deployments/", ""},
		{"PATCH /apis/apps/v1/namespaces/my-ns/deployments/greeter-1-0", "application/strategic-merge-patch+json"},
		{"GET /apis/apps/v1/namespaces/my-ns/deployments/greeter-1-0", ""},
		{"DELETE /api/v1/namespaces/my-ns/services/greeter-1-0", ""},
	}
	for i, r := range server.Requests() {
		if r.String() != want[i].request || r.Header.Get("Content-Type") != want[i].content {
			t.Errorf("request %d is %s (%s), want %s", i, r, r.Header.Get("Content-Type"), want[i])
		}
	}
}

// Whatever strings an object has, they arrive as they are.
func TestValuesAreEscaped(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	odd := []string{"true", "1", "1.0", "null", "~", "", `"`, "a: b", "#", "- x", "{{ . }}", "a\nb: c", "ü€\U0001f600", "\x00\x7f\u0085", "'", `\`, "*x", "|"}
	annotations := map[string]string{}
	var env []client.EnvVar
	var wantEnv []any
	for i, s := range odd {
		key := "k" + string(rune('a'+i)) + s
		annotations[key] = s
		env = append(env, client.EnvVar{Name: key, Value: s})
		wantEnv = append(wantEnv, map[string]any{"name": key, "value": s})
	}
	d := client.NewDeployment("a", "", "service", "")
	d.Metadata.Annotations = annotations
	container := &d.Spec.Template.PodSpec.Containers[0]
	container.Env, container.Args, container.Command = env, odd, odd
	if err := c.Create(&client.Resource{Kind: "deployment", Value: d}); err != nil {
		t.Fatal(err)
	}
	o := server.Object("/apis/apps/v1/namespaces/default/deployments/a")
	var wantArgs []any
	wantAnnotations := map[string]any{}
	for _, s := range odd {
		wantArgs = append(wantArgs, s)
	}
	for k, v := range annotations {
		wantAnnotations[k] = v
	}
	got := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	for what, pair := range map[string][2]any{
		"annotations": {o["metadata"].(map[string]any)["annotations"], wantAnnotations},
		"env":         {got["env"], wantEnv}, "args": {got["args"], wantArgs}, "command": {got["command"], wantArgs},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s are %q\nwant %q", what, pair[0], pair[1])
		}
	}
}

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	d := client.NewDeployment("a", "", "service", "")
	d.Spec.Template.PodSpec.Containers = []client.Container{{Name: "c", Image: "i"}}
	for kind, value := range map[string]any{
		"deployment": d, "service": client.NewService("a", "", "service", ""),
		"secret":         client.Secret{Type: "Opaque", Metadata: &client.Metadata{Name: "s"}, Data: map[string]string{"a": "Yg=="}},
		"serviceaccount": client.ServiceAccount{Metadata: &client.Metadata{Name: "x"}, ImagePullSecrets: []client.ImagePullSecret{{Name: "y"}}},
	} {
		if err := c.Create(&client.Resource{Kind: kind, Value: value}); err != nil {
			t.Fatal(kind, err)
		}
	}
	for _, r := range server.Requests() {
		for _, key := range []string{"env:", "args:", "command:", "protocol:", "annotations: {}\n  "} {
			if strings.Contains(r.Body, "\n        "+key) {
				t.Errorf("%s has %s in\n%s", r, key, r.Body)
			}
		}
	}
	secret := server.Object("/api/v1/namespaces/default/secrets/s")
	account := server.Object("/api/v1/namespaces/default/serviceaccounts/x")
	if secret["type"] != "Opaque" || secret["data"].(map[string]any)["a"] != "Yg==" || account["imagePullSecrets"].([]any)[0].(map[string]any)["name"] != "y" {
		t.Errorf("got %v and %v", secret, account)
	}
}

func TestKindsThatAreNotSupportedAreRefused(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	for _, err := range []error{
		c.Create(&client.Resource{Kind: "pod", Value: &client.Pod{}}),
		c.Create(&client.Resource{Kind: "service", Value: 1}),
		c.Create(&client.Resource{Kind: "service"}),
		c.Update(&client.Resource{Kind: "namespace", Value: 1}),
		c.Delete(&client.Resource{Kind: "pod"}),
		c.Delete(&client.Resource{Kind: "pod", Name: ".."}),
	} {
		if err == nil {
			t.Error("it was not refused")
		}
	}
	if r := server.Requests(); len(r) > 0 {
		t.Errorf("asked for %v", r)
	}
	if err := c.Update(&client.Resource{Kind: "secret", Value: 1}); err == nil || !strings.HasPrefix(err.Error(), "unsupported resource") {
		t.Errorf("got %v", err)
	}
}

func TestObjectsOfAServiceHaveItsLabels(t *testing.T) {
	labels := map[string]string{"name": "a", "version": "1", "micro": "t"}
	s, d := client.NewService("a", "1", "t", "x_y"), client.NewDeployment("a", "1", "t", "x_y")
	if s.Metadata.Name != "a-1" || s.Metadata.Namespace != "x-y" || !reflect.DeepEqual(s.Metadata.Labels, labels) ||
		!reflect.DeepEqual(s.Spec.Selector, labels) || s.Spec.Type != "ClusterIP" || s.Spec.Ports[0].Port != 8080 {
		t.Errorf("got %+v %+v", s.Metadata, s.Spec)
	}
	pod := d.Spec.Template.PodSpec
	if d.Metadata.Name != "a-1" || d.Spec.Replicas != 1 || !reflect.DeepEqual(d.Spec.Selector.MatchLabels, labels) ||
		!reflect.DeepEqual(d.Spec.Template.Metadata.Labels, labels) || pod.ServiceAccountName != "x-y" {
		t.Errorf("got %+v %+v", d.Metadata, d.Spec)
	}
	if c := pod.Containers[0]; c.Name != "a" || c.Image != client.DefaultImage || strings.Join(c.Command, " ") != "go run ." || c.Env[0] != (client.EnvVar{Name: "GO111MODULE", Value: "on"}) || c.Ports[0].ContainerPort != 8080 {
		t.Errorf("got %+v", c)
	}
	if s := client.NewService("a", "", "t", ""); s.Metadata.Name != "a" || s.Metadata.Namespace != "default" {
		t.Errorf("got %+v", s.Metadata)
	}
}

func TestNamesAreMadeThoseOfObjects(t *testing.T) {
	for in, want := range map[string]string{"A.b/C": "a-b-c", strings.Repeat("x", 300): strings.Repeat("x", 253)} {
		if got := client.Format(in); got != want {
			t.Errorf("%s becomes %s", in, got)
		}
	}
	for in, want := range map[string]string{"My_ns//x": "My-ns-x", "a": "a", "": ""} {
		if got := client.SerializeResourceName(in); got != want {
			t.Errorf("%s becomes %s", in, got)
		}
	}
}

// account makes the folder of a service account that trusts a server.
func account(t *testing.T, server *kubetest.Server) string {
	t.Helper()
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600), os.WriteFile(filepath.Join(dir, "token"), []byte("first\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	return dir
}

func TestTheTokenOfTheServiceAccountIsReadAsItIsRenewed(t *testing.T) {
	server := kubetest.NewTLS(t)
	valid := "first"
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer "+valid {
			return false
		}
		kubetest.Refuse(w, http.StatusUnauthorized, "Unauthorized", "")
		return true
	})
	dir := account(t, server)
	c := client.NewClientOf(dir)
	defer client.CloseIdle(c)
	get := func() error { return c.List(&client.Resource{Kind: "pod", Value: new(client.PodList)}) }
	if err := get(); err != nil {
		t.Fatal(err)
	}
	valid = "second"
	if err := get(); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte(" second "), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "token")); err != nil {
		t.Fatal(err)
	}
	if err := get(); err == nil || !strings.Contains(err.Error(), "token of the service account") {
		t.Errorf("got %v", err)
	}
}

func TestOutsideOfAClusterEveryCallFails(t *testing.T) {
	c := client.NewClientOf(filepath.Join(t.TempDir(), "none"))
	r := &client.Resource{Kind: "pod", Name: "a", Value: new(client.Pod)}
	_, logs := c.Log(r)
	_, watch := c.Watch(r)
	for _, err := range []error{c.Create(r), c.Get(r), c.List(r), c.Update(r), c.Delete(r), logs, watch} {
		if err == nil || !strings.HasPrefix(err.Error(), "service account not found") {
			t.Errorf("got %v", err)
		}
	}
	if err := client.NewLocalClient("http://127.0.0.1:1").Get(r); err == nil {
		t.Error("nobody answered")
	}
	_ = client.NewLocalClient() // needs no address
}

func TestAddressesOfIPv6AreInBrackets(t *testing.T) {
	for _, host := range []string{"fd00::1", "[fd00::1]"} {
		t.Setenv("KUBERNETES_SERVICE_HOST", host)
		t.Setenv("KUBERNETES_SERVICE_PORT", "443")
		server := kubetest.NewTLS(t)
		dir := account(t, server)
		t.Setenv("KUBERNETES_SERVICE_HOST", host)
		t.Setenv("KUBERNETES_SERVICE_PORT", "443")
		if got := client.HostOf(client.NewClientOf(dir)); got != "https://[fd00::1]:443" {
			t.Errorf("got %s", got)
		}
	}
}

func TestCertificatesAreRead(t *testing.T) {
	server := kubetest.NewTLS(t)
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	good := pem.EncodeToMemory(&block)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	withHeader := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: []byte("x")})
	if certs, err := client.CertsFromPEM([]byte(string(key) + string(withHeader) + string(good) + string(good))); err != nil || len(certs) != 2 {
		t.Errorf("got %d, %v", len(certs), err)
	}
	if _, err := client.CertsFromPEM(key); err == nil || err.Error() != "could not read any certificates" {
		t.Errorf("got %v", err)
	}
	if _, err := client.CertPoolFromFile(""); err == nil || err.Error() != "error reading certificates from an empty filename" {
		t.Errorf("got %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca")
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CertPoolFromFile(file); err == nil || err.Error() != "error reading "+file+": could not read any certificates" {
		t.Errorf("got %v", err)
	}
	if _, err := client.CertPoolFromFile(file + "none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
