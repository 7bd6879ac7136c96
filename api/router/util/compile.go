package util

import "strings"

// segment is a part of a template between two slashes.
type segment interface {
	// compile appends the operations that match the segment.
	compile(*program)
}

type (
	wildcard     struct{}
	deepWildcard struct{}
	literal      string
	variable     struct {
		path     string
		segments []segment
	}
)

// template is the Compiler that Parse returns.
type template struct {
	segments []segment
	verb     string
	text     string
}

// program is the result of compiling, while it grows.
type program struct {
	ops    []int
	pool   []string
	index  map[string]int // where the pool has a string
	fields []string
}

// Compile implements Compiler.
func (t template) Compile() Template {
	p := program{index: map[string]int{}}
	for _, s := range t.segments {
		s.compile(&p)
	}
	return Template{
		Version:  opcodeVersion,
		OpCodes:  p.ops,
		Pool:     p.pool,
		Verb:     t.verb,
		Fields:   p.fields,
		Template: t.text,
	}
}

func (p *program) add(op OpCode, operand int) { p.ops = append(p.ops, int(op), operand) }

// intern returns the index of s in the pool.
func (p *program) intern(s string) int {
	i, ok := p.index[s]
	if !ok {
		i = len(p.pool)
		p.index[s] = i
		p.pool = append(p.pool, s)
	}
	return i
}

func (wildcard) compile(p *program)     { p.add(OpPush, 0) }
func (deepWildcard) compile(p *program) { p.add(OpPushM, 0) }
func (l literal) compile(p *program)    { p.add(OpLitPush, p.intern(string(l))) }

func (v variable) compile(p *program) {
	for _, s := range v.segments {
		s.compile(p)
	}
	p.add(OpConcatN, len(v.segments))
	p.add(OpCapture, p.intern(v.path))
	p.fields = append(p.fields, v.path)
}

// joined is how several components of a path become one value.
func joined(components []string) string { return strings.Join(components, "/") }
