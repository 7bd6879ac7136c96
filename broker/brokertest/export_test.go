package brokertest

import (
	"testing"

	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Broken returns the rules h breaks, of all or of those named.
func Broken(t testing.TB, h Harness, only ...string) map[string]string {
	return conformance.Broken(t, h, rules, only...)
}
