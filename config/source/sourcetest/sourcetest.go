// Package sourcetest checks that a source.Source keeps the rules of its
// interface. A source runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		sourcetest.Run(t, sourcetest.Harness{
//			New: func(t testing.TB, document string) source.Source {
//				put(t, document)
//				return nats.NewSource(nats.WithUrl(url))
//			},
//			Change: func(t testing.TB, s source.Source, document string) { put(t, document) },
//		})
//	}
package sourcetest

import (
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config/source"
)

// Harness makes the sources to test, and says what they cannot do. Documents
// are JSON objects.
type Harness struct {
	// New returns a source that holds the document. It registers with t
	// whatever must be cleaned up.
	New func(t testing.TB, document string) source.Source
	// Change replaces the document of a source made by New.
	Change func(t testing.TB, s source.Source, document string)
	// Settle is how long the source may take to tell of a change; ten seconds
	// when zero.
	Settle time.Duration
	// NoDocument: the source holds what it finds, not the document of New.
	NoDocument bool
	// NoChange: what the source holds never changes.
	NoChange bool
}

// Run checks every rule, each in a subtest named after it.
func Run(t *testing.T, h Harness) {
	for _, r := range rules() {
		t.Run(r.sentence, func(t *testing.T) {
			if reason := r.unable(h); reason != "" {
				t.Skip("the harness declares " + reason)
			}
			if err := r.check(t, h); err != nil {
				t.Errorf("%s: %v", r.sentence, err)
			}
		})
	}
}

// rule is one sentence about every source, and how to find out.
type rule struct {
	sentence string
	check    func(t testing.TB, h Harness) error
	needs    func(h Harness) (flag string) // that excuses the source, if it is set
}

func (r rule) unable(h Harness) string {
	if r.needs == nil {
		return ""
	}
	return r.needs(h)
}

func documents(h Harness) string {
	if h.NoDocument {
		return "NoDocument"
	}
	return ""
}

func changes(h Harness) string {
	if h.NoChange {
		return "NoChange"
	}
	return documents(h)
}

func (h Harness) settle() time.Duration {
	if h.Settle <= 0 {
		return 10 * time.Second
	}
	return h.Settle
}
