package authtest

import (
	"maps"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Broken returns the rules an Auth breaks.
func Broken(t testing.TB, h Harness) []string {
	return slices.Sorted(maps.Keys(conformance.Broken(t, h, authRules)))
}

// BrokenRules returns the rules an auth.Rules breaks.
func BrokenRules(t testing.TB, h RulesHarness) []string {
	return slices.Sorted(maps.Keys(conformance.Broken(t, h, ruleRules)))
}
