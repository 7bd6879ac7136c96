package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/runtime/kubernetes"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

func newRuntime(t *testing.T, opts ...runtime.Option) (runtime.Runtime, *kubetest.Server) {
	t.Helper()
	server := kubetest.New(t)
	r := kubernetes.New(client.NewLocalClient(server.URL), opts...)
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r, server
}

// at returns what is in an object below keys.
func at(v any, keys ...any) any {
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func requests(server *kubetest.Server) (all []string) {
	for _, r := range server.Requests() {
		all = append(all, r.String())
	}
	return all
}

const (
	deployments = "/apis/apps/v1/namespaces/default/deployments/"
	services    = "/api/v1/namespaces/default/services/"
	podsPath    = "/api/v1/namespaces/default/pods/"
)

var container = []any{"spec", "template", "spec", "containers", 0}

func TestAServiceIsADeploymentAndAService(t *testing.T) {
	r, server := newRuntime(t, runtime.WithSource("github.com/o/r"))
	s := &runtime.Service{Name: "Foo/Bar", Version: "1.0.0", Metadata: map[string]string{"k": "v: x"}}
	err := r.Create(s, runtime.CreateImage("image:1"), runtime.WithEnv([]string{"A=b=c", "EMPTY", "B="}), runtime.WithArgs("true", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := requests(server), []string{"POST " + deployments, "POST " + services}; !slices.Equal(got, want) {
		t.Errorf("asked for %q", got)
	}
	if s.Metadata["status"] != "started" || s.Metadata["lastStatusUpdate"] == "" || s.Metadata["error"] != "" {
		t.Errorf("metadata is %v", s.Metadata)
	}
	d := server.Object(deployments + "foo-bar-1-0-0")
	annotations := map[string]any{"k": "v: x", "name": "Foo/Bar", "version": "1.0.0", "source": "github.com/o/r", "owner": "micro", "group": "micro"}
	labels := map[string]any{"name": "foo-bar", "version": "1-0-0", "micro": "service"}
	for _, path := range [][]any{{"metadata"}, {"spec", "template", "metadata"}} {
		if m := at(d, path...); !reflect.DeepEqual(at(m, "annotations"), annotations) || !reflect.DeepEqual(at(m, "labels"), labels) {
			t.Errorf("%v is %v", path, m)
		}
	}
	c := at(d, container...)
	env := []any{}
	for _, v := range [][2]string{{"GO111MODULE", "on"}, {"A", "b=c"}, {"EMPTY", ""}, {"B", ""}} {
		env = append(env, map[string]any{"name": v[0], "value": v[1]})
	}
	if at(c, "image") != "image:1" || at(c, "command") != nil || !reflect.DeepEqual(at(c, "args"), []any{"true", "x"}) || !reflect.DeepEqual(at(c, "env"), env) {
		t.Errorf("the container is %v", c)
	}
	if ks := server.Object(services + "foo-bar-1-0-0"); !reflect.DeepEqual(at(ks, "spec", "selector"), labels) {
		t.Errorf("the service is %v", ks)
	}
	if err := r.Create(s); err != runtime.ErrAlreadyExists || s.Metadata["status"] != "error" || s.Metadata["error"] != "already exists" {
		t.Errorf("got %v, %v", err, s.Metadata)
	}
}

func TestWithoutAnImageTheTemplateRuns(t *testing.T) {
	r, server := newRuntime(t)
	if err := r.Create(&runtime.Service{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	c := at(server.Object(deployments+"a"), container...)
	if at(c, "image") != client.DefaultImage || !reflect.DeepEqual(at(c, "command"), []any{"go", "run", "."}) {
		t.Errorf("the container is %v", c)
	}
	if err := errors.Join(r.Init(runtime.WithImage("other")), r.Create(&runtime.Service{Name: "b"}, runtime.WithCommand("run", "1"), runtime.CreateType("t"))); err != nil {
		t.Fatal(err)
	}
	o := server.Object(deployments + "b")
	if c := at(o, container...); at(c, "image") != "other" || !reflect.DeepEqual(at(c, "command"), []any{"run", "1"}) || at(o, "metadata", "labels", "micro") != "t" {
		t.Errorf("the container is %v", c)
	}
}

func TestNamespacesAreCreatedOnce(t *testing.T) {
	r, server := newRuntime(t)
	for _, name := range []string{"a", "b"} {
		if err := r.Create(&runtime.Service{Name: name}, runtime.CreateNamespace("my/ns")); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /api/v1/namespaces/", "POST /api/v1/namespaces/"}
	if got := requests(server); !slices.Equal(got[:2], want) || len(got) != 6 {
		t.Errorf("asked for %q", got)
	}
	if server.Object("/apis/apps/v1/namespaces/my-ns/deployments/a") == nil {
		t.Errorf("there are %v", server.Objects())
	}
}

func TestANamespaceThatWasDeletedIsCreatedAgain(t *testing.T) {
	r, server := newRuntime(t)
	const path = "/api/v1/namespaces/other"
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		missing := strings.HasPrefix(r.URL.Path, "/apis/apps/v1/namespaces/other/") && server.Object(path) == nil
		if missing {
			kubetest.Refuse(w, http.StatusNotFound, "NotFound", "")
		}
		return missing
	})
	in := runtime.CreateNamespace("other")
	if err := r.Create(&runtime.Service{Name: "a"}, in); err != nil {
		t.Fatal(err)
	}
	server.Remove(path)
	if err := r.Create(&runtime.Service{Name: "b"}, in); err == nil || !strings.Contains(err.Error(), "deployment b in namespace other") {
		t.Errorf("got %v", err)
	}
	if err := r.Create(&runtime.Service{Name: "b"}, in); err != nil {
		t.Error(err)
	}
}

func TestACreateThatFailsLeavesNothing(t *testing.T) {
	r, server := newRuntime(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/services/") {
			return false
		}
		cancel()
		kubetest.Refuse(w, http.StatusConflict, "Conflict", "not now")
		return true
	})
	s := &runtime.Service{Name: "a"}
	err := r.Create(s, runtime.CreateContext(ctx))
	if err == nil || !strings.Contains(err.Error(), `"a"`) || s.Metadata["status"] != "error" {
		t.Errorf("got %v, %v", err, s.Metadata)
	}
	if left := server.Objects(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if err := r.Create(nil); err == nil {
		t.Error("nothing was created")
	}
}

func TestReadJoinsWhatTheClusterHas(t *testing.T) {
	r, server := newRuntime(t)
	create := func(name, version string) {
		t.Helper()
		if err := r.Create(&runtime.Service{Name: name, Version: version, Source: "src/" + name, Metadata: map[string]string{"k": name}}); err != nil {
			t.Fatal(err)
		}
	}
	create("a", "1.0.0")
	create("a", "2")
	create("b", "1.0.0")
	labels := `"labels": {"name": "a", "version": "1-0-0", "micro": "service"}`
	server.Put(services+"a-1-0-0", `{"metadata": {`+labels+`}, "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 8080}]}}`)
	server.Put(podsPath+"p0", `{"metadata": {}}`)
	server.Put(podsPath+"p1", `{"metadata": {`+labels+`}, "status": {"phase": "Running", "containerStatuses": [{"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}}`)
	server.Put(podsPath+"p2", `{"metadata": {`+labels+`}, "status": {"phase": "Pending"}}`)
	server.Put(services+"bare", `{"metadata": {"labels": {"name": "bare"}}}`)
	server.Requests()

	all, err := r.Read(runtime.ReadService("a"), runtime.ReadVersion("1.0.0"), runtime.ReadType("service"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	want := runtime.Service{Name: "a", Version: "1.0.0", Source: "src/a", Metadata: map[string]string{
		"address": "10.0.0.1:8080", "type": "service", "k": "a", "owner": "micro", "group": "micro",
		"status": "Running", "started": "2026-01-01T00:00:00Z",
	}}
	if !reflect.DeepEqual(*all[0], want) {
		t.Errorf("got %+v\nwant %+v", *all[0], want)
	}
	query := "?labelSelector=micro%3Dservice%2Cname%3Da%2Cversion%3D1-0-0"
	if got := requests(server); !slices.Equal(got, []string{"GET " + services + query, "GET " + deployments + query, "GET " + podsPath + query}) {
		t.Errorf("asked for %q", got)
	}
	if all, err = r.Read(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range all {
		names = append(names, s.Name+":"+s.Version+" "+s.Metadata["status"])
	}
	if got := strings.Join(names, ", "); got != "a:1.0.0 Running, a:2 n/a, b:1.0.0 n/a, bare: n/a" {
		t.Errorf("got %s", got)
	}
}

func TestStatusComesFromTheNearestObject(t *testing.T) {
	r, server := newRuntime(t)
	if err := r.Create(&runtime.Service{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	labels := `"metadata": {"labels": {"name": "a", "version": "", "micro": "service"}}`
	check := func(status, started string) {
		t.Helper()
		all, err := r.Read()
		if err != nil || len(all) != 1 || all[0].Metadata["status"] != status || all[0].Metadata["started"] != started {
			t.Errorf("got %v, %v, want %s and %s", all[0], err, status, started)
		}
	}
	check("n/a", "")
	server.Put(deployments+"a", `{`+labels+`, "status": {"conditions": [{"type": "Available", "lastUpdateTime": "t1"}, {"type": "Progressing"}]}}`)
	check("Available", "t1")
	server.Put(podsPath+"p", `{`+labels+`, "status": {"phase": "Failed", "reason": "Evicted", "containerStatuses": [{}]}}`)
	check("Evicted", "t1")
	server.Put(podsPath+"p", `{`+labels+`, "status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]}}`)
	check("ImagePullBackOff", "t1")
	server.Put(podsPath+"p", `{`+labels+`, "status": {"phase": "Running", "containerStatuses": [{"state": {"running": {"startedAt": "t2"}}}]}}`)
	check("Running", "t2")
}

func TestUpdateRollsOutWhatChanged(t *testing.T) {
	r, server := newRuntime(t)
	const ns = "other"
	for _, version := range []string{"1.0", "2.0"} {
		err := r.Create(&runtime.Service{Name: "a", Version: version, Metadata: map[string]string{"k": "old", "stays": "x"}},
			runtime.CreateNamespace(ns), runtime.CreateImage("i:1"), runtime.WithEnv([]string{"A=1"}))
		if err != nil {
			t.Fatal(err)
		}
	}
	server.Put("/api/v1/namespaces/other/services/orphan", `{"metadata": {"labels": {"name": "a", "version": "1-0x"}}}`)
	server.Requests()
	s := &runtime.Service{Name: "a", Version: "1.0", Source: "new/source", Metadata: map[string]string{"k": "new"}}
	if err := r.Update(s, runtime.UpdateNamespace(ns), runtime.UpdateImage("i:2"), runtime.UpdateEnv([]string{"A=2", "B=3"})); err != nil {
		t.Fatal(err)
	}
	const d = "/apis/apps/v1/namespaces/other/deployments/"
	if got := requests(server)[3:]; !slices.Equal(got, []string{"PATCH " + d + "a-1-0", "PATCH /api/v1/namespaces/other/services/a-1-0"}) {
		t.Errorf("asked for %q", got)
	}
	o := server.Object(d + "a-1-0")
	a := at(o, "metadata", "annotations")
	if at(a, "k") != "new" || at(a, "stays") != "x" || at(a, "name") != "a" || at(a, "source") != "new/source" {
		t.Errorf("annotations are %v", a)
	}
	updated, _ := at(o, "spec", "template", "metadata", "annotations", "updated").(string)
	c := at(o, container...)
	if len(updated) < 10 || at(c, "image") != "i:2" || at(c, "env", 1, "value") != "2" || at(c, "env", 2, "name") != "B" || at(o, "spec", "replicas") != 1.0 {
		t.Errorf("updated is %q, the container %v", updated, c)
	}
	if other := server.Object(d + "a-2-0"); at(other, "metadata", "annotations", "k") != "old" {
		t.Errorf("another version was updated: %v", other)
	}
	if err := r.Update(&runtime.Service{Name: "a"}, runtime.UpdateNamespace(ns)); err != nil { // every version, nothing but a rollout
		t.Fatal(err)
	}
	if o := server.Object(d + "a-2-0"); at(o, "spec", "template", "metadata", "annotations", "updated") == nil || at(o, "metadata", "annotations", "name") != "a" {
		t.Errorf("the other version is %v", o)
	}
	if err := r.Update(&runtime.Service{Name: "a"}); err == nil || !strings.Contains(err.Error(), "Service not found") {
		t.Errorf("got %v", err)
	}
}

func TestDeleteGoesOnWhenThePartsAreGone(t *testing.T) {
	r, server := newRuntime(t)
	s := &runtime.Service{Name: "a", Version: "1.0"}
	if err := r.Create(s); err != nil {
		t.Fatal(err)
	}
	server.Remove(services + "a-1-0")
	server.Requests()
	for range 2 {
		if err := r.Delete(s); err != nil || s.Metadata["status"] != "stopped" {
			t.Fatal(err, s.Metadata)
		}
	}
	if left := server.Objects(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if got := requests(server)[:2]; !slices.Equal(got, []string{"DELETE " + services + "a-1-0", "DELETE " + deployments + "a-1-0"}) {
		t.Errorf("asked for %q", got)
	}
}

func TestErrorsOfTheServerNameWhatFailed(t *testing.T) {
	r, server := newRuntime(t)
	for _, code := range []int{http.StatusConflict, http.StatusGone, http.StatusInternalServerError, http.StatusForbidden} {
		server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
			kubetest.Refuse(w, code, "Reason", "the server says no")
			return true
		})
		s := &runtime.Service{Name: "greeter"}
		_, logs := r.Logs(s)
		_, read := r.Read()
		for doing, err := range map[string]error{"create": r.Create(s), "update": r.Update(s), "delete": r.Delete(s), "logs": logs, "read": read} {
			if err == nil || !strings.Contains(err.Error(), doing) || !strings.Contains(err.Error(), "the server says no") || doing != "read" && !strings.Contains(err.Error(), "greeter") {
				t.Errorf("%s: got %v", doing, err)
			}
		}
	}
}

type scheduler struct{ events chan runtime.Event }

func (s *scheduler) Notify() (<-chan runtime.Event, error) { return s.events, nil }
func (s *scheduler) Close() error                          { return nil }

func TestEventsRollOutByLabel(t *testing.T) {
	testkit.NoLeaks(t)
	s := &scheduler{events: make(chan runtime.Event)}
	r, server := newRuntime(t, runtime.WithScheduler(s))
	if err := r.Create(&runtime.Service{Name: "Foo", Version: "1.0"}, runtime.CreateNamespace("other")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
	}
	when := time.Unix(1700000000, 0)
	in := &runtime.CreateOptions{Namespace: "other"}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: when}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: when, Service: &runtime.Service{}}
	s.events <- runtime.Event{Type: runtime.Delete, Timestamp: when, Service: &runtime.Service{Name: "Foo", Version: "1.0"}, Options: in}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: when, Service: &runtime.Service{Name: "Foo", Version: "1.0"}, Options: in}
	s.events <- runtime.Event{Type: runtime.Create, Timestamp: when}
	d := server.Object("/apis/apps/v1/namespaces/other/deployments/foo-1-0")
	if got := at(d, "spec", "template", "metadata", "annotations", "updated"); got != "1700000000" {
		t.Errorf("updated is %v", got)
	}
	for range 2 {
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogsOfEveryPodAreRead(t *testing.T) {
	testkit.NoLeaks(t)
	r, server := newRuntime(t)
	labels := `{"metadata": {"labels": {"name": "a"}}}`
	long := strings.Repeat("x", 200_000)
	server.Put(podsPath+"p1", labels)
	server.Put(podsPath+"p2", labels)
	server.Log("p1", "1", "2", long)
	server.Log("p2", "a", "b")
	server.Requests()
	logs, err := r.Logs(&runtime.Service{Name: "A"}, runtime.LogsCount(2))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for record := range logs.Chan() {
		got = append(got, record.Metadata["pod"]+" "+record.Message)
	}
	slices.Sort(got)
	if want := []string{"p1 2", "p1 " + long, "p2 a", "p2 b"}; !slices.Equal(got, want) || logs.Error() != nil {
		t.Errorf("got %d lines, %v", len(got), logs.Error())
	}
	asked := requests(server)
	slices.Sort(asked)
	if !slices.Equal(asked, []string{"GET " + podsPath + "?labelSelector=name%3Da", "GET " + podsPath + "p1/log?tailLines=2", "GET " + podsPath + "p2/log?tailLines=2"}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestALogThatIsFollowedGoesOnUntilItIsStopped(t *testing.T) {
	testkit.NoLeaks(t)
	r, server := newRuntime(t)
	server.Put(podsPath+"p1", `{"metadata": {"labels": {"name": "a"}}}`)
	server.Put(podsPath+"gone", `{"metadata": {"labels": {"name": "a"}}}`)
	server.Log("p1", "old", "last")
	logs, err := r.Logs(&runtime.Service{Name: "a"}, runtime.LogsCount(1), runtime.LogsStream(true))
	if err != nil {
		t.Fatal(err)
	}
	if got := (<-logs.Chan()).Message; got != "last" {
		t.Errorf("got %q", got)
	}
	for i := range 10 {
		server.Log("p1", fmt.Sprint(i))
		if got := (<-logs.Chan()).Message; got != fmt.Sprint(i) {
			t.Errorf("got %q", got)
		}
	}
	testkit.Eventually(t, "the pod without a log is named", func() bool { return logs.Error() != nil && strings.Contains(logs.Error().Error(), "gone") })
	server.Log("p1", "unread")
	for range 2 {
		if err := logs.Stop(); err != nil {
			t.Error(err)
		}
	}
	for range logs.Chan() { // is closed
	}
	if _, err := r.Logs(&runtime.Service{Name: "none"}); err == nil || !strings.Contains(err.Error(), "no pods") {
		t.Errorf("got %v", err)
	}
}

func TestOutsideOfAClusterTheRuntimeSaysSo(t *testing.T) {
	r := kubernetes.NewRuntime()
	if err := r.Start(); err != nil || r.String() != "kubernetes" {
		t.Fatal(err, r)
	}
	defer func() { _ = r.Stop() }()
	if err := r.Create(&runtime.Service{Name: "a"}); err == nil || !strings.Contains(err.Error(), "service account not found") {
		t.Errorf("got %v", err)
	}
}
