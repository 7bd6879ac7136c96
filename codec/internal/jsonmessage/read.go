package jsonmessage

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// reader makes messages of JSON.
type reader struct {
	scanner
	form Form
}

// message reads an object into m, or what the mapping has in its place.
func (r *reader) message(m protoreflect.Message, depth int) error {
	if depth <= 0 {
		return r.tooDeep()
	}
	p := planOf(m.Descriptor())
	if p.kind != ordinary {
		return r.mapped(p.kind, p, m, depth)
	}
	var seen set
	return r.object(func(name []byte) error {
		if f := p.byName[string(name)]; f != nil {
			return r.field(m, f.desc, f.index, &seen, depth-1)
		}
		if f, err := r.extension(m, name); f != nil || err != nil {
			if err != nil {
				return err
			}
			return r.field(m, f, -int(f.Number()), &seen, depth-1)
		}
		if o := p.oneof(name); o != nil && r.next() == '{' {
			return r.oneof(m, o, &seen, depth-1)
		}
		if f := p.fold(name); f != nil {
			return r.field(m, f.desc, f.index, &seen, depth-1)
		}
		_, err := r.skip(depth - 1) // the sender knows more than we do
		return err
	})
}

// extension finds the extension that a name such as [pkg.name] means.
func (r *reader) extension(m protoreflect.Message, name []byte) (protoreflect.FieldDescriptor, error) {
	if len(name) < 3 || name[0] != '[' || name[len(name)-1] != ']' {
		return nil, nil
	}
	x, err := protoregistry.GlobalTypes.FindExtensionByName(protoreflect.FullName(name[1 : len(name)-1]))
	if err != nil {
		return nil, nil // unknown
	}
	f := x.TypeDescriptor()
	if owner := m.Descriptor().FullName(); f.ContainingMessage().FullName() != owner {
		return nil, r.errorf("%s is no extension of %s", f.FullName(), owner)
	}
	return f, nil
}

// oneof reads encoding/json's form of a oneof: an object with the Go name of the
// field that is set.
func (r *reader) oneof(m protoreflect.Message, o protoreflect.OneofDescriptor, seen *set, depth int) error {
	return r.object(func(name []byte) error {
		if f := alternative(o, name); f != nil {
			return r.field(m, f, f.Index(), seen, depth-1)
		}
		_, err := r.skip(depth - 1)
		return err
	})
}

// field reads the value of a field, which must not have been seen before: nor
// another one of its oneof.
func (r *reader) field(m protoreflect.Message, f protoreflect.FieldDescriptor, index int, seen *set, depth int) error {
	if !seen.add(index) {
		return r.errorf("%s is there twice", f.FullName())
	}
	if r.next() == 'n' && !takesNull(f) {
		if r.word("null") {
			return nil
		}
	}
	switch {
	case f.IsList():
		return r.list(m.Mutable(f).List(), f, depth)
	case f.IsMap():
		return r.mapOf(m.Mutable(f).Map(), f, depth)
	}
	if o := f.ContainingOneof(); o != nil && m.WhichOneof(o) != nil {
		return r.errorf("%s is there although %s was", f.FullName(), m.WhichOneof(o).FullName())
	}
	return r.singular(m, f, depth)
}

func (r *reader) singular(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) error {
	if f.Message() != nil {
		return r.message(m.Mutable(f).Message(), depth)
	}
	v, err := r.scalar(f)
	if err == nil && v.IsValid() {
		m.Set(f, v)
	}
	return err
}

func (r *reader) list(l protoreflect.List, f protoreflect.FieldDescriptor, depth int) error {
	return r.array(func() error {
		if f.Message() != nil {
			e := l.AppendMutable().Message()
			if r.isEmpty(f) {
				return nil
			}
			return r.message(e, depth)
		}
		if r.isEmpty(f) {
			l.Append(zero(f))
			return nil
		}
		v, err := r.scalar(f)
		if err == nil && v.IsValid() {
			l.Append(v)
		}
		return err
	})
}

func (r *reader) mapOf(m protoreflect.Map, f protoreflect.FieldDescriptor, depth int) error {
	value := f.MapValue()
	return r.object(func(name []byte) error {
		key, ok := mapKey(f.MapKey().Kind(), string(name))
		if !ok {
			return r.errorf("%.80q is no key of %s", name, f.FullName())
		}
		if m.Has(key) {
			return r.errorf("%.80q is there twice in %s", name, f.FullName())
		}
		if value.Message() != nil {
			e := m.Mutable(key).Message()
			if r.isEmpty(value) {
				return nil
			}
			return r.message(e, depth)
		}
		if r.isEmpty(value) {
			m.Set(key, zero(value))
			return nil
		}
		v, err := r.scalar(value)
		if err == nil && v.IsValid() {
			m.Set(key, v)
		}
		return err
	})
}

// isEmpty consumes a null that stands for an empty element, as encoding/json
// writes nil ones.
func (r *reader) isEmpty(f protoreflect.FieldDescriptor) bool {
	return !takesNull(f) && r.word("null")
}

// set is a set of small numbers.
type set struct {
	low  uint64
	more map[int]struct{}
}

// add reports whether n is new.
func (s *set) add(n int) bool {
	if 0 <= n && n < 64 {
		had := s.low&(1<<n) != 0
		s.low |= 1 << n
		return !had
	}
	if _, had := s.more[n]; had {
		return false
	}
	if s.more == nil {
		s.more = map[int]struct{}{}
	}
	s.more[n] = struct{}{}
	return true
}
