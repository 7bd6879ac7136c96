// Package kubetest is an API server for tests: as much of Kubernetes' as the
// runtime and its client use, with real state, and with faults on request.
package kubetest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Object is an object of the API.
type Object = map[string]any

// Request is a request that was made.
type Request struct {
	Method, Path, Query string
	Header              http.Header
	Body                string
}

func (r Request) String() string {
	if r.Query != "" {
		return r.Method + " " + r.Path + "?" + r.Query
	}
	return r.Method + " " + r.Path
}

// Server is an API server. Its zero value is not usable.
type Server struct {
	*httptest.Server

	mu       sync.Mutex
	version  int
	objects  map[string]Object // by path: /api/v1/namespaces/default/pods/name
	history  []event
	oldest   int // version of the oldest state that watches can begin at
	logs     map[string][]string
	requests []Request
	fault    func(http.ResponseWriter, *http.Request) bool
	changed  chan struct{} // closed, and made anew, by every change
}

type event struct {
	version int
	kind    string
	path    string
	object  json.RawMessage
}

// New returns a server that the test stops.
func New(t testing.TB) *Server { return start(t, httptest.NewServer) }

// NewTLS is New with TLS.
func NewTLS(t testing.TB) *Server { return start(t, httptest.NewTLSServer) }

func start(t testing.TB, serve func(http.Handler) *httptest.Server) *Server {
	s := &Server{objects: make(map[string]Object), logs: make(map[string][]string), changed: make(chan struct{}), version: 1}
	s.Server = serve(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Fault has f answer requests. When it returns false the server answers itself.
func (s *Server) Fault(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Requests returns the requests made so far and forgets them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// Objects returns the paths of all objects, in order.
func (s *Server) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Object returns what is at a path, nil for nothing.
func (s *Server) Object(path string) Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[path]
}

// Put puts an object, given as JSON, at a path.
func (s *Server) Put(path, text string) {
	var o Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(path, o)
}

// put stores an object. s.mu is held.
func (s *Server) put(path string, o Object) {
	before := s.objects[path]
	s.version++
	meta, _ := o["metadata"].(Object)
	if meta == nil {
		meta = Object{}
		o["metadata"] = meta
	}
	parts := strings.Split(path, "/")
	meta["name"], meta["resourceVersion"] = parts[len(parts)-1], strconv.Itoa(s.version)
	kind := "MODIFIED"
	if before == nil {
		kind = "ADDED"
		meta["uid"] = "uid-" + strconv.Itoa(s.version)
	} else {
		meta["uid"] = before["metadata"].(Object)["uid"]
	}
	s.objects[path] = o
	s.record(kind, path, o)
}

// record adds to the history. s.mu is held.
func (s *Server) record(kind, path string, o Object) {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	s.history = append(s.history, event{version: s.version, kind: kind, path: path, object: text})
	close(s.changed)
	s.changed = make(chan struct{})
}

// Remove removes what is at a path.
func (s *Server) Remove(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[path]
	if o == nil {
		return false
	}
	delete(s.objects, path)
	s.version++
	o["metadata"].(Object)["resourceVersion"] = strconv.Itoa(s.version)
	s.record("DELETED", path, o)
	return true
}

// Forget has watches from before now answered with 410.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest, s.history = s.version, nil
}

// Log appends lines to the log of a pod.
func (s *Server) Log(pod string, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs[pod] = append(s.logs[pod], lines...)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header, string(body)})
	fault := s.fault
	s.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	path := strings.TrimSuffix(r.URL.Path, "/")
	query := r.URL.Query()
	switch {
	case strings.HasSuffix(path, "/log"):
		s.serveLog(w, r, strings.TrimSuffix(path, "/log"))
	case query.Get("watch") == "true":
		s.serveWatch(w, r, path)
	case r.Method == http.MethodGet:
		s.serveGet(w, path, query.Get("labelSelector"))
	case r.Method == http.MethodPost:
		s.serveCreate(w, r, path, body)
	case r.Method == http.MethodPatch:
		s.servePatch(w, path, body)
	case r.Method == http.MethodDelete:
		if !s.Remove(path) {
			Refuse(w, http.StatusNotFound, "NotFound", path)
			return
		}
		w.WriteHeader(http.StatusAccepted) // what a server answers that deletes in the background
		fmt.Fprint(w, `{"kind":"Status","status":"Success"}`)
	default:
		Refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method)
	}
}

// Refuse answers with a Status.
func Refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	reply(w, Object{"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code})
}

func reply(w io.Writer, v any) { _ = json.NewEncoder(w).Encode(v) }

// selected reports whether an object has labels, given as "a=b,c=d".
func selected(o Object, selector string) bool {
	if selector == "" {
		return true
	}
	meta, _ := o["metadata"].(Object)
	labels, _ := meta["labels"].(Object)
	for pair := range strings.SplitSeq(selector, ",") {
		key, want, _ := strings.Cut(pair, "=")
		if got, _ := labels[key].(string); got != want {
			return false
		}
	}
	return true
}

func (s *Server) serveGet(w http.ResponseWriter, path, selector string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.objects[path]; o != nil {
		reply(w, o)
		return
	}
	items := []Object{}
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		if name[:strings.LastIndex(name, "/")] == path && selected(s.objects[name], selector) {
			items = append(items, s.objects[name])
		}
	}
	if len(items) == 0 && !strings.HasSuffix(path, "s") {
		Refuse(w, http.StatusNotFound, "NotFound", path)
		return
	}
	reply(w, Object{"kind": "List", "metadata": Object{"resourceVersion": strconv.Itoa(s.version)}, "items": items})
}

func (s *Server) serveCreate(w http.ResponseWriter, r *http.Request, path string, body []byte) {
	var o Object
	if err := yaml.Unmarshal(body, &o); err != nil || r.Header.Get("Content-Type") != "application/yaml" {
		Refuse(w, http.StatusBadRequest, "BadRequest", fmt.Sprint(err))
		return
	}
	// Through JSON, so that numbers have one type.
	text, _ := json.Marshal(o)
	o = nil
	_ = json.Unmarshal(text, &o)
	meta, _ := o["metadata"].(Object)
	name, _ := meta["name"].(string)
	if name == "" || o["kind"] == nil {
		Refuse(w, http.StatusUnprocessableEntity, "Invalid", "it has no name or kind")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[path+"/"+name] != nil {
		Refuse(w, http.StatusConflict, "AlreadyExists", name+" already exists")
		return
	}
	s.put(path+"/"+name, o)
	w.WriteHeader(http.StatusCreated)
	reply(w, o)
}

func (s *Server) servePatch(w http.ResponseWriter, path string, body []byte) {
	var patch Object
	if err := json.Unmarshal(body, &patch); err != nil {
		Refuse(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[path]
	if o == nil {
		Refuse(w, http.StatusNotFound, "NotFound", path)
		return
	}
	s.put(path, merge(o, patch).(Object))
	reply(w, s.objects[path])
}

// merge is a strategic merge as far as lists go whose elements have names.
func merge(old, patch any) any {
	switch p := patch.(type) {
	case Object:
		o, ok := old.(Object)
		if !ok {
			return p
		}
		merged := maps.Clone(o)
		for key, value := range p {
			if value == nil {
				delete(merged, key)
			} else {
				merged[key] = merge(o[key], value)
			}
		}
		return merged
	case []any:
		return mergeLists(old, p)
	}
	return patch
}

func mergeLists(old any, patch []any) any {
	before, ok := old.([]any)
	if !ok {
		return patch
	}
	merged := slices.Clone(before)
	for _, item := range patch {
		p, ok := item.(Object)
		if !ok || p["name"] == nil {
			return patch
		}
		i := slices.IndexFunc(merged, func(o any) bool { m, ok := o.(Object); return ok && m["name"] == p["name"] })
		if i < 0 {
			merged = append(merged, p)
		} else {
			merged[i] = merge(merged[i], p)
		}
	}
	return merged
}

// serveWatch sends what became of the objects below path since the version that
// is asked for.
func (s *Server) serveWatch(w http.ResponseWriter, r *http.Request, path string) {
	since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	selector := r.URL.Query().Get("labelSelector")
	matches := func(name string) bool { return name == path || name[:strings.LastIndex(name, "/")] == path }
	s.mu.Lock()
	if since > 0 && since < s.oldest {
		s.mu.Unlock()
		w.WriteHeader(http.StatusOK)
		reply(w, Object{"type": "ERROR", "object": Object{"kind": "Status", "reason": "Expired", "code": http.StatusGone}})
		return
	}
	var initial []event
	if since == 0 {
		for _, name := range slices.Sorted(maps.Keys(s.objects)) {
			if matches(name) {
				text, _ := json.Marshal(s.objects[name])
				initial = append(initial, event{kind: "ADDED", path: name, object: text})
			}
		}
		since = s.version
	}
	s.mu.Unlock()
	out := http.NewResponseController(w)
	_ = out.Flush()
	send := func(e event) {
		var o Object
		_ = json.Unmarshal(e.object, &o)
		if matches(e.path) && selected(o, selector) {
			reply(w, Object{"type": e.kind, "object": o})
			_ = out.Flush()
		}
	}
	for _, e := range initial {
		send(e)
	}
	for {
		s.mu.Lock()
		history, changed := s.history, s.changed
		s.mu.Unlock()
		for _, e := range history {
			if e.version > since {
				since = e.version
				send(e)
			}
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) serveLog(w http.ResponseWriter, r *http.Request, path string) {
	name := path[strings.LastIndex(path, "/")+1:]
	s.mu.Lock()
	lines, known := s.logs[name]
	s.mu.Unlock()
	if !known {
		Refuse(w, http.StatusNotFound, "NotFound", name)
		return
	}
	from := 0
	if tail, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
		from = max(0, len(lines)-tail)
	}
	out := http.NewResponseController(w)
	for {
		s.mu.Lock()
		lines, changed := s.logs[name], s.changed
		s.mu.Unlock()
		for ; from < len(lines); from++ {
			fmt.Fprintln(w, lines[from])
		}
		_ = out.Flush()
		if r.URL.Query().Get("follow") != "true" {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
