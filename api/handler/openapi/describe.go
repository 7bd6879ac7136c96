package openapi

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/registry"
)

// writer makes a document.
type writer struct {
	document document
	paths    map[string]string // by what is the same path to OpenAPI, whatever its parameters are called
	ids      map[string]bool   // of operations
}

// describe makes the document about services. Endpoints that do not say how they
// are reached are described as the resolver finds them.
func describe(services map[string][]*registry.Service, res resolver.Resolver) *document {
	w := &writer{paths: map[string]string{}, ids: map[string]bool{}}
	w.document = document{
		OpenAPI:    "3.1.0",
		Info:       info{Title: "Gateway", Description: "The endpoints of the services that run now.", Version: "1"},
		Paths:      map[string]map[string]*operation{},
		Components: components{Schemas: map[string]*schema{errorSchema: errorsSchema()}},
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		endpoints := latest(services[name])
		for _, endpoint := range slices.Sorted(maps.Keys(endpoints)) {
			w.add(name, endpoints[endpoint], res)
		}
	}
	return &w.document
}

// latest are the endpoints of a service as its latest version has them.
func latest(versions []*registry.Service) map[string]*registry.Endpoint {
	versions = slices.Clone(versions)
	slices.SortStableFunc(versions, func(a, b *registry.Service) int { return cmp.Compare(a.Version, b.Version) })
	endpoints := map[string]*registry.Endpoint{}
	for _, v := range versions {
		for _, e := range v.Endpoints {
			if e != nil {
				endpoints[e.Name] = e
			}
		}
	}
	return endpoints
}

// add describes an endpoint.
func (w *writer) add(service string, e *registry.Endpoint, res resolver.Resolver) {
	described := router.Decode(e.Metadata)
	if router.Validate(described) != nil {
		described = resolved(service, e, res)
	}
	if described == nil {
		return
	}
	for _, template := range described.Path {
		path, parameters, ok := parsePath(template)
		if !ok {
			continue // a regular expression, which OpenAPI cannot say
		}
		for _, method := range described.Method {
			w.addOperation(service, e, described, method, path, parameters)
		}
	}
}

// resolved is how an endpoint is reached that does not say so: by a path of its
// service, type and method. It is nil if the resolver finds another service.
func resolved(service string, e *registry.Endpoint, res resolver.Resolver) *router.Endpoint {
	kind, method, ok := strings.Cut(e.Name, ".")
	if !ok || res == nil || e.Metadata["subscriber"] != "" {
		return nil
	}
	name := service[strings.LastIndexByte(service, '.')+1:]
	path := "/" + name + "/" + kind + "/" + method
	at, err := res.Resolve(&http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}})
	if err != nil || at.Name != service || !plain(path) {
		return nil
	}
	return &router.Endpoint{Name: e.Name, Handler: "rpc", Method: []string{http.MethodPost}, Path: []string{path}, Stream: e.Metadata["stream"] == "true"}
}

// plain reports whether a path means itself as a template.
func plain(path string) bool { return !strings.ContainsAny(path, "{}*:") }

func (w *writer) addOperation(service string, e *registry.Endpoint, described *router.Endpoint, method, path string, parameters []string) {
	method = strings.ToLower(method)
	if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, method) {
		return
	}
	path, parameters = w.unify(path, parameters)
	if w.document.Paths[path] == nil {
		w.document.Paths[path] = map[string]*operation{}
	}
	if w.document.Paths[path][method] != nil {
		return // the router would not take this one either
	}
	op := &operation{
		OperationID: w.id(service + "." + e.Name),
		Description: described.Description,
		Tags:        []string{service},
		Responses:   responses(e, described),
	}
	for _, name := range parameters {
		op.Parameters = append(op.Parameters, parameter{Name: name, In: "path", Required: true, Schema: pathSchema(e, name)})
	}
	if method == "get" || method == "head" || method == "options" || method == "trace" {
		op.Parameters = append(op.Parameters, queryParameters(e, parameters)...)
	} else if described.Handler == "rpc" {
		op.RequestBody = &requestBody{Content: map[string]mediaType{"application/json": {Schema: schemaOf(e.Request)}}}
	}
	w.document.Paths[path][method] = op
}

// unify returns the path under which one with the same parameters, but for their
// names, is in the document already.
func (w *writer) unify(path string, parameters []string) (string, []string) {
	bare := path
	for _, name := range parameters {
		bare = strings.Replace(bare, "{"+name+"}", "{}", 1)
	}
	known, ok := w.paths[bare]
	if !ok {
		w.paths[bare] = path
		return path, parameters
	}
	_, parameters, _ = parsePath(known)
	return known, parameters
}

// id makes the id of an operation one that there is not yet.
func (w *writer) id(name string) string {
	id := name
	for n := 2; w.ids[id]; n++ {
		id = name + "-" + strconv.Itoa(n)
	}
	w.ids[id] = true
	return id
}

func pathSchema(e *registry.Endpoint, name string) *schema {
	v := e.Request
	for part := range strings.SplitSeq(name, ".") {
		v = field(v, part)
	}
	if s := schemaOf(v); len(s.Type) > 0 && s.Properties == nil && s.Items == nil {
		return s
	}
	return &schema{Type: types{"string"}}
}

func field(v *registry.Value, name string) *registry.Value {
	if v == nil {
		return nil
	}
	for _, f := range v.Values {
		if f != nil && f.Name == name {
			return f
		}
	}
	return nil
}

// queryParameters are the fields of a request that its path does not have.
func queryParameters(e *registry.Endpoint, path []string) []parameter {
	if e.Request == nil {
		return nil
	}
	var parameters []parameter
	seen := map[string]bool{}
	for _, f := range e.Request.Values {
		if f == nil || f.Name == "" || seen[f.Name] || slices.Contains(path, f.Name) {
			continue
		}
		seen[f.Name] = true
		parameters = append(parameters, parameter{Name: f.Name, In: "query", Schema: schemaOf(f)})
	}
	return parameters
}

func responses(e *registry.Endpoint, described *router.Endpoint) map[string]*response {
	success := &response{Description: "The reply of the service."}
	switch {
	case described.Stream || e.Metadata["stream"] == "true":
		success.Description = "The messages of the service, as server-sent events."
		success.Content = map[string]mediaType{"text/event-stream": {Schema: &schema{Type: types{"string"}}}}
	case described.Handler == "rpc":
		success.Content = map[string]mediaType{"application/json": {Schema: schemaOf(e.Response)}}
	}
	return map[string]*response{
		"200":     success,
		"default": {Description: "An error.", Content: map[string]mediaType{"application/json": {Schema: reference(errorSchema)}}},
	}
}
