package sourcetest

import "testing"

// Broken returns the rules a source breaks.
func Broken(t testing.TB, h Harness) []string {
	var broken []string
	for _, r := range rules() {
		if r.unable(h) == "" && r.check(t, h) != nil {
			broken = append(broken, r.sentence)
		}
	}
	return broken
}
