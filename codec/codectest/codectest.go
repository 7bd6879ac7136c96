// Package codectest holds the rules that every codec keeps, as a suite for the
// authors of codecs:
//
//	func TestConformance(t *testing.T) {
//		codectest.Run(t, codectest.Harness{
//			New:    mycodec.NewCodec,
//			Value:  func(i int) any { return &Greeting{Number: i} },
//			Target: func() any { return new(Greeting) },
//		})
//	}
//
// A rule is one sentence; a failure quotes it. What a codec cannot do is said by
// the No… fields of its [Harness], so that a gap can be seen.
package codectest

import (
	"fmt"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
)

// Harness is the codec under test and what it can do.
type Harness struct {
	// New makes the codec.
	New codec.NewCodec
	// Value returns a new value that the codec can write. Different numbers
	// give different values, which encode to at least 8 bytes and always to
	// the same ones.
	Value func(i int) any
	// Target returns a new pointer into which the values can be read.
	Target func() any
	// Equal reports whether a value that was read is the one written. The
	// default compares protobuf messages as such, and other values deeply,
	// after following pointers.
	Equal func(written, read any) bool

	// NoBoundaries says that a body reaches to the end of the stream, so a
	// stream carries one message, and one that is cut short may pass for whole.
	NoBoundaries bool
	// NoId says that ids do not travel with the messages.
	NoId bool
	// NoMethod says that methods do not travel with requests.
	NoMethod bool
	// NoErrorText says that error texts are not read back from responses.
	NoErrorText bool
	// NoReset says that the codec is no codec.Resetter.
	NoReset bool
}

// Run checks the codec of h against every rule, in a subtest each.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Equal == nil {
		h.Equal = equal
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if gap := r.skipped(h); gap != "" {
				t.Skipf("the harness declares %s", gap)
			}
			if err := r.broken(h); err != nil {
				t.Errorf("broken rule: %s: %v", r.sentence, err)
			}
		})
	}
}

// rule is one thing that is true of every codec.
type rule struct {
	name     string
	sentence string
	// gap returns the name of the flag with which h renounces the rule.
	gap   func(h Harness) string
	check func(h Harness) error
}

func (r rule) skipped(h Harness) string {
	if r.gap == nil {
		return ""
	}
	return r.gap(h)
}

// broken checks the rule. A panic of the codec breaks whatever rule it comes
// with.
func (r rule) broken(h Harness) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.check(h)
}

// flag returns a gap with a name.
func flag(name string, of func(Harness) bool) func(Harness) string {
	return func(h Harness) string {
		if of(h) {
			return name
		}
		return ""
	}
}

// equal is the default of Harness.Equal.
func equal(written, read any) bool {
	w, isProto := written.(proto.Message)
	r, alsoProto := read.(proto.Message)
	if isProto && alsoProto {
		return proto.Equal(w, r)
	}
	return reflect.DeepEqual(indirect(written), indirect(read))
}

// indirect follows the pointers of v.
func indirect(v any) any {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	if !value.IsValid() {
		return nil
	}
	return value.Interface()
}
