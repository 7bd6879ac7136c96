package client

import (
	"regexp"
	"strings"
)

// maxName is how many bytes the name of an object may have.
const maxName = 253

// Format makes s the name of an object or the value of a label: in lower case, with
// dashes for slashes and dots, and cut to 253 bytes.
func Format(s string) string {
	s = strings.NewReplacer("/", "-", ".", "-").Replace(strings.ToLower(s))
	if len(s) > maxName {
		s = s[:maxName]
	}
	return s
}

var notInNames = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// SerializeResourceName makes ns the name of a resource: each run of what is
// neither a letter nor a digit becomes a dash.
func SerializeResourceName(ns string) string {
	return notInNames.ReplaceAllString(ns, "-")
}
