package locktest

import (
	"maps"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Broken returns the rules a Sync breaks, of all or of those named.
func Broken(t testing.TB, h Harness, only ...string) []string {
	return slices.Sorted(maps.Keys(conformance.Broken(t, h, rules, only...)))
}
