package util

import (
	"errors"
	"strings"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

var (
	// ErrNotMatch is returned for a path that is not what a pattern says.
	ErrNotMatch = errors.New("not match to the path pattern")
	// ErrInvalidPattern is returned for operations that are no pattern.
	ErrInvalidPattern = errors.New("invalid pattern")
)

// Pattern matches paths. It does not change and may be used by several
// goroutines. The zero Pattern matches the empty path.
type Pattern struct {
	ops             []operation
	pool            []string
	verb            string
	tail            int // components that the operations after OpPushM take
	stack           int // the deepest that the stack gets
	assumeColonVerb bool
}

type operation struct {
	code    OpCode
	operand int
}

// PatternOpt configures NewPattern.
type PatternOpt func(*patternOptions)

type patternOptions struct {
	assumeColonVerb bool
	logger          logger.Logger
}

// AssumeColonVerbOpt says what a colon in the last component of a path means.
// With true, which is the default, what follows is a verb, which the pattern
// must have. With false it is part of the component if the pattern has no verb.
func AssumeColonVerbOpt(val bool) PatternOpt {
	return func(o *patternOptions) { o.assumeColonVerb = val }
}

// PatternLogger sets where NewPattern says, at debug level, why operations are
// no pattern.
func PatternLogger(l logger.Logger) PatternOpt {
	return func(o *patternOptions) { o.logger = l }
}

// NewPattern makes a pattern of the operations of a template, whose version must
// be 1, and which are pairs of a code and an operand. Any that are not balanced,
// or refer beyond the pool, give ErrInvalidPattern.
func NewPattern(version int, ops []int, pool []string, verb string, opts ...PatternOpt) (Pattern, error) {
	o := options.With(patternOptions{assumeColonVerb: true, logger: logger.DefaultLogger}, opts)
	p := Pattern{pool: append([]string(nil), pool...), verb: verb, assumeColonVerb: o.assumeColonVerb}
	if reason := p.load(version, ops); reason != "" {
		logger.LoggerOrDefault(o.logger).Logf(logger.DebugLevel, "path pattern %v: %s", ops, reason)
		return Pattern{}, ErrInvalidPattern
	}
	return p, nil
}

// load checks the operations and takes them over. It returns what is wrong.
func (p *Pattern) load(version int, ops []int) (reason string) {
	if version != opcodeVersion {
		return "unknown version"
	}
	if len(ops)%2 != 0 {
		return "odd number of operations and operands"
	}
	depth, deep := 0, false
	for i := 0; i < len(ops); i += 2 {
		op := operation{OpCode(ops[i]), ops[i+1]}
		if reason := p.check(op, &depth, &deep); reason != "" {
			return reason
		}
		p.stack = max(p.stack, depth)
		p.ops = append(p.ops, op)
	}
	return ""
}

// check follows one operation. Depth is the height of the stack, and deep tells
// that there was an OpPushM.
func (p *Pattern) check(op operation, depth *int, deep *bool) (reason string) {
	switch op.code {
	case OpNop:
		return ""
	case OpPush:
	case OpPushM:
		if *deep {
			return "** more than once"
		}
		*deep = true
		*depth++
		return ""
	case OpLitPush:
		if op.operand < 0 || op.operand >= len(p.pool) {
			return "literal beyond the pool"
		}
	case OpConcatN:
		if op.operand <= 0 || op.operand > *depth {
			return "concatenation of more than there is"
		}
		*depth -= op.operand - 1
		return ""
	case OpCapture:
		if op.operand < 0 || op.operand >= len(p.pool) || *depth == 0 {
			return "capture of nothing, or into a field beyond the pool"
		}
		*depth--
		return ""
	default:
		return "unknown operation"
	}
	*depth++
	if *deep {
		p.tail++
	}
	return ""
}

// MustPattern returns p, and panics when err is not nil.
func MustPattern(p Pattern, err error) Pattern {
	if err != nil {
		panic("api/router/util: " + err.Error())
	}
	return p
}

// Match returns the fields that a path, split at its slashes and without its
// verb, gives. It returns ErrNotMatch for a path that the pattern does not
// match.
func (p Pattern) Match(components []string, verb string) (map[string]string, error) {
	if verb != p.verb {
		if p.assumeColonVerb || p.verb != "" {
			return nil, ErrNotMatch
		}
		components = withVerb(components, verb)
	}
	return p.run(components)
}

// withVerb puts a verb back where it came from.
func withVerb(components []string, verb string) []string {
	if len(components) == 0 {
		return []string{":" + verb}
	}
	components = append([]string(nil), components...)
	components[len(components)-1] += ":" + verb
	return components
}

// run executes the operations.
func (p Pattern) run(components []string) (map[string]string, error) {
	var fixed [16]string
	stack := fixed[:0]
	if p.stack > len(fixed) {
		stack = make([]string, 0, p.stack)
	}
	fields := make(map[string]string)
	for _, op := range p.ops {
		switch op.code {
		case OpPush, OpLitPush:
			if len(components) == 0 || op.code == OpLitPush && components[0] != p.pool[op.operand] {
				return nil, ErrNotMatch
			}
			stack = append(stack, components[0])
			components = components[1:]
		case OpPushM:
			n := len(components) - p.tail
			if n < 0 {
				return nil, ErrNotMatch
			}
			stack = append(stack, joined(components[:n]))
			components = components[n:]
		case OpConcatN:
			n := len(stack) - op.operand
			stack = append(stack[:n], joined(stack[n:]))
		case OpCapture:
			n := len(stack) - 1
			fields[p.pool[op.operand]] = stack[n]
			stack = stack[:n]
		}
	}
	if len(components) > 0 {
		return nil, ErrNotMatch
	}
	return fields, nil
}

// Verb returns what must follow the colon at the end of a path, empty for no
// colon.
func (p Pattern) Verb() string { return p.verb }

// String returns the template that the pattern was made of, in its longest form:
// "/v1/{id}" is "/v1/{id=*}".
func (p Pattern) String() string {
	var stack []string
	for _, op := range p.ops {
		switch op.code {
		case OpPush:
			stack = append(stack, "*")
		case OpLitPush:
			stack = append(stack, p.pool[op.operand])
		case OpPushM:
			stack = append(stack, "**")
		case OpConcatN:
			n := len(stack) - op.operand
			stack = append(stack[:n], joined(stack[n:]))
		case OpCapture:
			n := len(stack) - 1
			stack[n] = "{" + p.pool[op.operand] + "=" + stack[n] + "}"
		}
	}
	var b strings.Builder
	b.WriteString("/" + joined(stack))
	if p.verb != "" {
		b.WriteString(":" + p.verb)
	}
	return b.String()
}
