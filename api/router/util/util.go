// Package util holds the path templates of Google's HTTP rules, with which
// endpoints say which paths they answer:
//
//	Template = "/" Segments [ ":" Verb ]
//	Segments = Segment { "/" Segment }
//	Segment  = "*" | "**" | Literal | Variable
//	Variable = "{" FieldPath [ "=" Segments ] "}"
//	FieldPath = Ident { "." Ident }
//
// A "*" stands for one component of a path, "**" for all that are left, even
// none, and a variable captures what its segments match: {id} is {id=*}. See
// google/api/http.proto for the grammar.
//
// Parse reads a template, Compile turns it into the operations of a stack
// machine, and NewPattern checks those and matches paths with them:
//
//	c, err := util.Parse("/v1/{name=shelves/*}:open")
//	t := c.Compile()
//	p, err := util.NewPattern(t.Version, t.OpCodes, t.Pool, t.Verb)
//	fields, err := p.Match([]string{"v1", "shelves", "7"}, "open") // name: shelves/7
package util

// OpCode is one operation of a compiled template. In Template.OpCodes each is
// followed by its operand.
type OpCode int

// The operations.
const (
	// OpNop does nothing.
	OpNop OpCode = iota
	// OpPush pushes a component of the path.
	OpPush
	// OpLitPush pushes a component that equals the operand's entry of the pool.
	OpLitPush
	// OpPushM pushes the components that the operations after it leave, joined.
	OpPushM
	// OpConcatN pops as many strings as the operand says and pushes them joined.
	OpConcatN
	// OpCapture pops a string into the field named by the operand's entry of the
	// pool.
	OpCapture
	// OpEnd ends the operations.
	OpEnd
)

// opcodeVersion is the version of the operations above.
const opcodeVersion = 1

// Compiler is a parsed template.
type Compiler interface {
	// Compile returns the operations that match what the template says.
	Compile() Template
}

// Template is a compiled path template.
type Template struct {
	// Version of the operations; 1.
	Version int
	// OpCodes are pairs of an OpCode and its operand.
	OpCodes []int
	// Pool holds the strings that operands refer to.
	Pool []string
	// Verb is what follows the colon at the end, empty for none.
	Verb string
	// Fields are the paths of the fields that the template captures.
	Fields []string
	// Template is the text that was parsed.
	Template string
}

// InvalidTemplateError says why a text is no template.
type InvalidTemplateError struct {
	tmpl string
	msg  string
}

// Error returns the reason and the template.
func (e InvalidTemplateError) Error() string { return e.msg + ": " + e.tmpl }
