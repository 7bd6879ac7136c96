// Package metadata carries the headers of a request in its context. A handler
// reads what its caller sent, and what it adds travels on with the calls that
// it makes with the same context.
//
// So does everything that came in: the headers of a request of HTTP, those of a
// gateway or a browser included, are metadata, and a call made with the handler's
// context passes them on to the next service, Authorization and Cookie too. Only
// what describes the one transfer, such as Content-Length, Connection and the
// framework's own names, stays behind. A handler that calls somebody who must not
// see them gives that call what it needs alone:
//
//	ctx = metadata.NewContext(ctx, metadata.Metadata{"Tenant": tenant})
//
// Names are compared without regard to the case of ASCII letters, because a
// transport may change it: micro-id, Micro-Id and Micro-ID are one name. Where
// a map holds one name in several spellings, the one asked for counts, then its
// title case, then the spelling of HTTP (Micro-Id), then the first in byte order.
package metadata

import (
	"context"
	"maps"

	"github.com/justcy/go-micro/v4/internal/ctxmeta"
)

// Metadata maps header names to values. A nil Metadata can be read from. It is
// not safe for use by several goroutines while one of them changes it.
type Metadata map[string]string

// Get returns the value of key, in whatever case it is stored.
func (md Metadata) Get(key string) (string, bool) {
	if v, ok := md[key]; ok {
		return v, true
	}
	return md.getFolded(key)
}

// Set stores value under key as it is spelled and removes other spellings of
// it.
func (md Metadata) Set(key, value string) {
	md.Delete(key)
	md[key] = value
}

// Delete removes key in all its spellings.
func (md Metadata) Delete(key string) {
	for k := range md {
		if sameName(k, key) {
			delete(md, k)
		}
	}
}

// Copy returns a copy of md that shares nothing with it. It is never nil.
func Copy(md Metadata) Metadata {
	c := make(Metadata, len(md))
	maps.Copy(c, md)
	return c
}

// stored returns the map of ctx itself, which must not be changed.
func stored(ctx context.Context) (Metadata, bool) {
	switch v := ctx.Value(ctxmeta.Key{}).(type) {
	case Metadata:
		return v, true
	case ctxmeta.Source:
		return v.Metadata(), true
	}
	return nil, false
}

// NewContext returns a context that carries md in place of what ctx carries.
// The map is kept as it is; do not change it afterwards.
func NewContext(ctx context.Context, md Metadata) context.Context {
	return context.WithValue(ctx, ctxmeta.Key{}, md)
}

// FromContext returns a copy of the metadata in ctx, each name once and in
// title case: the first letter of a word is upper case, the others are as they
// were. It returns nil and false when ctx carries none.
func FromContext(ctx context.Context) (Metadata, bool) {
	md, ok := stored(ctx)
	if !ok {
		return nil, false
	}
	return md.titled(), true
}

// Get returns the value of key in the metadata of ctx. It copies nothing.
func Get(ctx context.Context, key string) (string, bool) {
	md, _ := stored(ctx)
	return md.Get(key)
}

// Set returns a context whose metadata has value under key, and ctx's other
// metadata. An empty value removes the key.
func Set(ctx context.Context, key, value string) context.Context {
	md, ok := FromContext(ctx)
	if !ok {
		md = make(Metadata, 1)
	}
	md.apply(key, value)
	return NewContext(ctx, md)
}

// Delete returns a context without key in its metadata, in any spelling.
func Delete(ctx context.Context, key string) context.Context {
	return Set(ctx, key, "")
}

// MergeContext returns a context with the metadata of ctx and patch. Where both
// have a name, ctx's value stays unless overwrite is set. An empty value that
// is applied removes the name. A nil ctx is the background context.
func MergeContext(ctx context.Context, patch Metadata, overwrite bool) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	old, _ := stored(ctx)
	md := Copy(old)
	for _, k := range patch.names() {
		if _, exists := md.Get(k); !exists || overwrite {
			md.apply(k, patch[k])
		}
	}
	return NewContext(ctx, md)
}

// apply sets key, or removes it when value is empty.
func (md Metadata) apply(key, value string) {
	if value == "" {
		md.Delete(key)
		return
	}
	md.Set(key, value)
}
