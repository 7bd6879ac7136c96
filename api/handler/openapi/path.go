package openapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/api/router/util"
)

// parsePath returns a path template in the form of OpenAPI, in which a variable
// stands for all that it matches and wildcards have names too, with the names of
// its parameters in their order.
func parsePath(template string) (path string, parameters []string, ok bool) {
	compiler, err := util.Parse(template)
	if err != nil {
		return "", nil, false
	}
	t := compiler.Compile()
	var stack []string
	for i := 0; i+1 < len(t.OpCodes); i += 2 {
		operand := t.OpCodes[i+1]
		switch util.OpCode(t.OpCodes[i]) {
		case util.OpPush, util.OpPushM:
			stack = append(stack, "*")
		case util.OpLitPush:
			stack = append(stack, t.Pool[operand])
		case util.OpConcatN:
			stack = append(stack[:len(stack)-operand], "*")
		case util.OpCapture:
			stack[len(stack)-1] = "{" + t.Pool[operand] + "}"
		}
	}
	for i, s := range stack {
		name, found := strings.CutPrefix(s, "{")
		switch {
		case found:
			name = strings.TrimSuffix(name, "}")
			if slices.Contains(parameters, name) { // OpenAPI wants each name once
				name = unused(name, t.Fields, len(parameters)+1)
			}
		case s == "*":
			name = unused("arg", t.Fields, len(parameters)+1)
		default:
			continue
		}
		stack[i] = "{" + name + "}"
		parameters = append(parameters, name)
	}
	path = "/" + strings.Join(stack, "/")
	if t.Verb != "" {
		path += ":" + t.Verb
	}
	return path, parameters, true
}

// unused is a name for the parameter at a place that no variable has.
func unused(name string, fields []string, place int) string {
	candidate := name + strconv.Itoa(place)
	if slices.Contains(fields, candidate) {
		return unused(name+"_", fields, place)
	}
	return candidate
}
