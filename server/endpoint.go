package server

import (
	"maps"
	"reflect"
	"strings"

	"github.com/justcy/go-micro/v4/registry"
)

// maxValueDepth is how many levels of nested types the registry is told about.
const maxValueDepth = 3

// handlerEndpoints describes the methods of a handler's type.
func handlerEndpoints(name string, t reflect.Type, metadata map[string]map[string]string) []*registry.Endpoint {
	var endpoints []*registry.Endpoint
	for i := range t.NumMethod() {
		e := methodEndpoint(t.Method(i))
		if e == nil {
			continue
		}
		e.Name = name + "." + e.Name
		maps.Copy(e.Metadata, metadata[e.Name])
		endpoints = append(endpoints, e)
	}
	return endpoints
}

// methodEndpoint describes one method, nil if it has not 2 or 3 parameters.
func methodEndpoint(m reflect.Method) *registry.Endpoint {
	t := m.Type // the receiver is parameter 0
	if n := t.NumIn(); n != 3 && n != 4 {
		return nil
	}
	req, rsp := t.In(t.NumIn()-2), t.In(t.NumIn()-1)
	e := &registry.Endpoint{
		Name:     m.Name,
		Request:  describe(req, 0),
		Response: describe(rsp, 0),
		Metadata: map[string]string{},
	}
	if k := rsp.Kind(); k == reflect.Func || k == reflect.Interface {
		e.Metadata["stream"] = "true"
	}
	return e
}

// subscriberEndpoint describes a function that receives the messages of a topic.
func subscriberEndpoint(name, topic string, t reflect.Type) *registry.Endpoint {
	e := &registry.Endpoint{
		Name:     name,
		Metadata: map[string]string{"topic": topic, "subscriber": "true"},
	}
	if n := t.NumIn(); n > 0 {
		e.Request = describe(t.In(n-1), 0)
	}
	return e
}

// describe returns the tree of a type's fields, nil below maxValueDepth.
func describe(t reflect.Type, depth int) *registry.Value {
	if depth == maxValueDepth {
		return nil
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := &registry.Value{Name: t.Name(), Type: t.Name()}
	switch t.Kind() {
	case reflect.Struct:
		v.Values = describeFields(t, depth+1)
	case reflect.Slice:
		v.Type = "[]" + typeName(t.Elem())
	}
	return v
}

func describeFields(t reflect.Type, depth int) []*registry.Value {
	var values []*registry.Value
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		v := describe(f.Type, depth)
		if v == nil || !nameField(v, f) {
			continue
		}
		values = append(values, v)
	}
	return values
}

// nameField gives v the name under which field f travels. It is false for
// fields that do not travel.
func nameField(v *registry.Value, f reflect.StructField) bool {
	if tag := f.Tag.Get("json"); tag != "" {
		name, _, _ := strings.Cut(tag, ",")
		if name == "-" || name == "omitempty" {
			return false
		}
		v.Name = name
	}
	if v.Name == "" {
		v.Name = f.Name
	}
	return true
}
