package jsonmessage

import (
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// plan is what has to be known about a type of message to write and read it.
type plan struct {
	kind       kind
	fields     []field // in the order of their declaration
	byName     map[string]*field
	oneofs     map[string]protoreflect.OneofDescriptor // by the name of their Go field
	extensible bool
}

// field is a field of a message.
type field struct {
	desc  protoreflect.FieldDescriptor
	key   string // its name in quotes, and a colon
	index int    // among the fields of the message
}

// maxPlans is how many plans are kept. Programs have fewer types, unless they
// make types while they run.
const maxPlans = 1 << 14

var (
	plans     sync.Map // protoreflect.MessageDescriptor to *plan
	plansKept atomic.Int64
)

// planOf returns the plan of a type.
func planOf(d protoreflect.MessageDescriptor) *plan {
	if known, ok := plans.Load(d); ok {
		return known.(*plan)
	}
	p := newPlan(d)
	if plansKept.Load() < maxPlans {
		if _, had := plans.LoadOrStore(d, p); !had {
			plansKept.Add(1)
		}
	}
	return p
}

func newPlan(d protoreflect.MessageDescriptor) *plan {
	p := &plan{
		kind:       kinds[d.FullName()],
		fields:     make([]field, d.Fields().Len()),
		byName:     map[string]*field{},
		oneofs:     map[string]protoreflect.OneofDescriptor{},
		extensible: d.ExtensionRanges().Len() > 0,
	}
	for i := range p.fields {
		desc := d.Fields().Get(i)
		f := &p.fields[i]
		*f = field{desc: desc, key: `"` + string(desc.Name()) + `":`, index: i}
		p.byName[string(desc.Name())] = f
	}
	for i := range p.fields { // these win, as in the mapping
		f := &p.fields[i]
		p.byName[f.desc.TextName()] = f
	}
	for i := range p.fields {
		f := &p.fields[i]
		p.byName[f.desc.JSONName()] = f
	}
	for i := range d.Oneofs().Len() {
		if o := d.Oneofs().Get(i); !o.IsSynthetic() {
			p.oneofs[goName(string(o.Name()))] = o
		}
	}
	return p
}

// fold returns the field whose name this is in another case, nil if there is
// none. The fields of structs without tags have such names.
func (p *plan) fold(name []byte) *field {
	text := string(name)
	for i := range p.fields {
		f := &p.fields[i]
		if strings.EqualFold(string(f.desc.Name()), text) || strings.EqualFold(f.desc.JSONName(), text) {
			return f
		}
	}
	return nil
}

// oneof returns the oneof whose Go field has this name. Generated code appends
// an underscore to a name that is taken.
func (p *plan) oneof(name []byte) protoreflect.OneofDescriptor {
	if o, ok := p.oneofs[string(name)]; ok {
		return o
	}
	return p.oneofs[strings.TrimRight(string(name), "_")]
}

// alternative returns the field of a oneof whose Go field has this name.
func alternative(o protoreflect.OneofDescriptor, name []byte) protoreflect.FieldDescriptor {
	for _, want := range [...]string{string(name), strings.TrimRight(string(name), "_")} {
		for i := range o.Fields().Len() {
			if f := o.Fields().Get(i); goName(string(f.Name())) == want {
				return f
			}
		}
	}
	return nil
}

// goName is the name that generated Go code has for something in a .proto file:
// a letter that starts the name or follows a digit or an underscore is raised,
// and the underscore dropped.
func goName(name string) string {
	out := make([]byte, 0, len(name)+1)
	raise := true
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' && i == 0:
			out = append(out, 'X')
		case c == '_' && i+1 < len(name) && isLower(name[i+1]):
			raise = true
		case isLower(c) && raise:
			out = append(out, c-'a'+'A')
			raise = false
		default:
			out = append(out, c)
			raise = '0' <= c && c <= '9'
		}
	}
	return string(out)
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
