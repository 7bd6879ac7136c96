package json

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/config/reader"
)

// values publish one immutable document after another: readers load a pointer,
// and writers copy what they change.
type values struct {
	current atomic.Pointer[document]
	writing sync.Mutex // one writer at a time
}

// document is a parsed document. Nothing of it is ever changed.
type document struct {
	root  any
	bytes func() []byte
}

// newDocument makes a document of root, whose text is known or nil.
func newDocument(root any, text []byte) *document {
	if text != nil {
		return &document{root: root, bytes: func() []byte { return text }}
	}
	return &document{root: root, bytes: sync.OnceValue(func() []byte { return encode(root) })}
}

func newValues(root any, text []byte) *values {
	v := &values{}
	v.current.Store(newDocument(root, text))
	return v
}

func (v *values) Bytes() []byte { return v.current.Load().bytes() }

func (v *values) Get(path ...string) reader.Value {
	at, found := find(v.current.Load().root, path)
	return &value{data: at, found: found, path: path}
}

// find walks objects along path.
func find(at any, path []string) (v any, found bool) {
	for _, key := range path {
		object, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = object[key]; !ok {
			return nil, false
		}
	}
	return at, true
}

func (v *values) Map() map[string]any {
	object, ok := v.current.Load().root.(map[string]any)
	if !ok {
		return nil
	}
	return copyOf(object).(map[string]any)
}

// copyOf copies all objects and arrays of a parsed value.
func copyOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, element := range v {
			c[key] = copyOf(element)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, element := range v {
			c[i] = copyOf(element)
		}
		return c
	default:
		return v
	}
}

func (v *values) Scan(target any) error {
	if err := scan(v.current.Load().root, target); err != nil {
		return fmt.Errorf("scan configuration into %T: %w", target, err)
	}
	return nil
}

func (v *values) Set(val any, path ...string) {
	data, err := json.Marshal(val)
	if err != nil {
		return
	}
	plain, err := parse(data)
	if err != nil {
		return
	}
	v.replace(func(root any) any { return with(root, path, plain) })
}

func (v *values) Del(path ...string) {
	if len(path) == 0 {
		v.replace(func(any) any { return map[string]any{} })
		return
	}
	v.replace(func(root any) any { return without(root, path) })
}

func (v *values) replace(change func(root any) any) {
	v.writing.Lock()
	defer v.writing.Unlock()
	v.current.Store(newDocument(change(v.current.Load().root), nil))
}

// with returns root with plain at path. Objects on the way are copied, and
// anything else there gives way to an object.
func with(root any, path []string, plain any) any {
	if len(path) == 0 {
		return plain
	}
	object, _ := root.(map[string]any)
	changed := make(map[string]any, len(object)+1)
	maps.Copy(changed, object)
	changed[path[0]] = with(object[path[0]], path[1:], plain)
	return changed
}

// without returns root without what is at path.
func without(root any, path []string) any {
	if _, found := find(root, path); !found {
		return root
	}
	parent := path[:len(path)-1]
	object, _ := find(root, parent)
	changed := maps.Clone(object.(map[string]any))
	delete(changed, path[len(path)-1])
	return with(root, slices.Clip(parent), changed)
}
