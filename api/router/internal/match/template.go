package match

import (
	"net/url"
	"strings"

	"github.com/justcy/go-micro/v4/api/router/util"
)

type stepKind int

const (
	literalStep stepKind = iota
	anyStep
	deepStep
)

// step is a segment of a template without its variables.
type step struct {
	kind    stepKind
	literal string
}

// span is a range of components: from and to count from the front when they are
// not negative; otherwise they count from the end, of which -1 is the place
// after the last component.
type span struct{ from, to int }

// capture is a variable of a template.
type capture struct {
	field string
	span
}

// value returns the components of the span.
func (c capture) value(components []string) string {
	from, to := place(c.from, len(components)), place(c.to, len(components))
	if to-from == 1 {
		return components[from]
	}
	return strings.Join(components[from:to], "/")
}

func place(i, length int) int {
	if i < 0 {
		return length + i + 1
	}
	return i
}

// flatten turns the operations of a template into its steps and captures.
func flatten(t util.Template) (steps []step, captures []capture) {
	deep := -1 // where ** is
	var stack []span
	for i := 0; i+1 < len(t.OpCodes); i += 2 {
		operand, at := t.OpCodes[i+1], len(steps)
		switch util.OpCode(t.OpCodes[i]) {
		case util.OpPush:
			steps = append(steps, step{kind: anyStep})
			stack = append(stack, span{at, at + 1})
		case util.OpLitPush:
			steps = append(steps, step{kind: literalStep, literal: unescaped(t.Pool[operand])})
			stack = append(stack, span{at, at + 1})
		case util.OpPushM:
			deep = at
			steps = append(steps, step{kind: deepStep})
			stack = append(stack, span{at, at + 1})
		case util.OpConcatN:
			n := len(stack) - operand
			stack = append(stack[:n], span{stack[n].from, stack[len(stack)-1].to})
		case util.OpCapture:
			n := len(stack) - 1
			captures = append(captures, capture{field: t.Pool[operand], span: stack[n]})
			stack = stack[:n]
		}
	}
	if deep >= 0 {
		for i := range captures {
			captures[i].countBack(deep, len(steps))
		}
	}
	return steps, captures
}

// countBack makes the places after step deep count from the end.
func (c *capture) countBack(deep, length int) {
	if c.from > deep {
		c.from -= length + 1
	}
	if c.to > deep {
		c.to -= length + 1
	}
}

// unescaped is a literal as it is in the components of a path.
func unescaped(literal string) string {
	if s, err := url.PathUnescape(literal); err == nil {
		return s
	}
	return literal
}
