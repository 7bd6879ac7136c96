// Package pathfield carries what the template of a path captured from the router
// to the handler.
package pathfield

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/internal/ctxmeta"
	"github.com/justcy/go-micro/v4/metadata"
)

const (
	// prefix begins the names of the metadata that hold captured fields.
	prefix = "x-api-field-"
	// body is the metadata that names the field into which the body goes.
	body = "x-api-body"
)

// Field is a captured field, with its name as the template spells it.
type Field struct{ Name, Value string }

// key is under which a fieldContext finds itself.
type key struct{}

// fieldContext is the context of a request with fields. It shows them as metadata
// when somebody asks for that.
type fieldContext struct {
	context.Context
	fields []Field
	once   sync.Once
	merged metadata.Metadata
}

// Attach makes the fields part of the request's context, as metadata too, where
// wrappers and other handlers find them under x-api-field-NAME.
func Attach(r *http.Request, fields []Field) {
	if len(fields) == 0 {
		return
	}
	*r = *r.WithContext(&fieldContext{Context: r.Context(), fields: fields})
}

// Value implements context.Context.
func (c *fieldContext) Value(k any) any {
	switch k.(type) {
	case key, ctxmeta.Key:
		return c
	}
	return c.Context.Value(k)
}

// Metadata implements ctxmeta.Source.
func (c *fieldContext) Metadata() map[string]string {
	c.once.Do(func() {
		c.merged, _ = metadata.FromContext(c.Context)
		if c.merged == nil {
			c.merged = make(metadata.Metadata, len(c.fields))
		}
		for _, f := range c.fields {
			c.merged.Set(prefix+f.Name, f.Value)
		}
	})
	return c.merged
}

// Of returns the fields of the router, then those that a wrapper added to the
// metadata, whose names are in lower case as names of metadata have none, and the
// field into which the body goes, if a wrapper named one.
func Of(ctx context.Context) (fields []Field, destination string) {
	if c, ok := ctx.Value(key{}).(*fieldContext); ok {
		fields = c.fields[:len(c.fields):len(c.fields)] // they are shared
		if ctx.Value(ctxmeta.Key{}) == any(c) {
			ctx = c.Context // which has all the metadata that is not ours
		}
	}
	md, ok := metadata.FromContext(ctx)
	if !ok {
		return fields, ""
	}
	for name, value := range md {
		name = strings.ToLower(name)
		if name == body {
			destination = value
		}
		if name, ok := strings.CutPrefix(name, prefix); ok && !has(fields, name) {
			fields = append(fields, Field{name, value})
		}
	}
	return fields, destination
}

func has(fields []Field, name string) bool {
	for _, f := range fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Internal reports whether a header or metadata name is one of those of this
// package, which only routers and wrappers set.
func Internal(name string) bool {
	return len(name) == len(body) && strings.EqualFold(name, body) ||
		len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}
