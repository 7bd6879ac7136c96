package errors

import (
	"errors"
	"slices"
)

// NewMultiError returns a MultiError without errors.
func NewMultiError() *MultiError {
	return new(MultiError)
}

// Append adds errors to the list. It must not run concurrently with other
// methods.
func (m *MultiError) Append(errs ...*Error) {
	m.Errors = append(m.Errors, errs...)
}

// HasErrors reports whether the list holds any error.
func (m *MultiError) HasErrors() bool {
	return len(m.GetErrors()) > 0
}

// Error returns the list as the JSON object {"errors":[…]}, and {} when it is
// empty.
func (m *MultiError) Error() string {
	if !m.HasErrors() {
		return "{}"
	}
	b := []byte(`{"errors":[`)
	for i, e := range m.Errors {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.appendJSON(b)
	}
	return string(append(b, "]}"...))
}

// Is makes the standard library's errors.Is match any error of the list. The
// list is not unwrapped beyond that: As and FromError never take one of its
// errors for all of them.
func (m *MultiError) Is(target error) bool {
	return slices.ContainsFunc(m.GetErrors(), func(e *Error) bool {
		return e != nil && errors.Is(e, target)
	})
}
