package cachetest

import (
	"maps"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Broken returns the rules a cache breaks.
func Broken(t testing.TB, h Harness) []string {
	return slices.Sorted(maps.Keys(conformance.Broken(t, h, rules)))
}
