package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// httpExtension is the method option of google/api/annotations.proto.
const httpExtension = "google.api.http"

// verbs of an http rule, in the order in which they are looked for.
var verbs = []struct{ field, method string }{
	{"delete", "DELETE"}, {"get", "GET"}, {"patch", "PATCH"}, {"post", "POST"}, {"put", "PUT"},
}

// httpRules reads google.api.http options. The extension comes with the request,
// as the file that defines it, so no generated code for it is needed.
type httpRules struct {
	extension protoreflect.ExtensionType // nil when no file of the request defines it
}

func newHTTPRules(plugin *protogen.Plugin) (*httpRules, error) {
	files := new(protoregistry.Files)
	for _, f := range plugin.Files {
		if err := files.RegisterFile(f.Desc); err != nil {
			return nil, err
		}
	}
	extension, err := dynamicpb.NewTypes(files).FindExtensionByName(httpExtension)
	if err != nil {
		return &httpRules{}, nil // nothing in the request can be annotated
	}
	return &httpRules{extension: extension}, nil
}

// endpoint is what the gateway needs to know about an annotated method.
type endpoint struct {
	paths, methods []string
}

// endpoints returns the annotated methods of a file.
func (r *httpRules) endpoints(file *protogen.File) (map[*protogen.Method]*endpoint, error) {
	found := map[*protogen.Method]*endpoint{}
	for _, service := range file.Services {
		for _, m := range service.Methods {
			e, err := r.endpoint(m)
			if err != nil {
				return nil, err
			}
			if e != nil {
				found[m] = e
			}
		}
	}
	return found, nil
}

// endpoint returns the paths and verbs of a method, additional bindings
// included, or nil when it has no usable rule.
func (r *httpRules) endpoint(m *protogen.Method) (*endpoint, error) {
	if r.extension == nil {
		return nil, nil
	}
	raw, err := proto.Marshal(m.Desc.Options())
	if err != nil {
		return nil, fmt.Errorf("%s: options of %s: %w", at(m.Desc), m.Desc.FullName(), err)
	}
	types := new(protoregistry.Types)
	if err := types.RegisterExtension(r.extension); err != nil {
		return nil, err
	}
	options := m.Desc.Options().ProtoReflect().New()
	if err := (proto.UnmarshalOptions{Resolver: types}).Unmarshal(raw, options.Interface()); err != nil {
		return nil, fmt.Errorf("%s: option %s of %s: %w", at(m.Desc), httpExtension, m.Desc.FullName(), err)
	}
	if !options.Has(r.extension.TypeDescriptor()) {
		return nil, nil
	}
	e := new(endpoint)
	e.add(options.Get(r.extension.TypeDescriptor()).Message())
	if len(e.paths) == 0 {
		return nil, nil
	}
	return e, nil
}

// add takes over a rule and its additional bindings.
func (e *endpoint) add(rule protoreflect.Message) {
	fields := rule.Descriptor().Fields()
	for _, verb := range verbs {
		field := fields.ByName(protoreflect.Name(verb.field))
		if field == nil {
			continue
		}
		if path := rule.Get(field).String(); path != "" {
			e.paths = appendNew(e.paths, path)
			e.methods = appendNew(e.methods, verb.method)
			break
		}
	}
	if more := fields.ByName("additional_bindings"); more != nil {
		list := rule.Get(more).List()
		for i := range list.Len() {
			e.add(list.Get(i).Message())
		}
	}
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
