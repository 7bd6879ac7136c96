package httpmsg_test

import (
	"net/textproto"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

func TestNamesAreTokens(t *testing.T) {
	for name, valid := range map[string]bool{
		"Micro-Id": true, "micro_id": true, "x.y~z": true, "7": true,
		"": false, "a b": false, "a\tb": false, ":path": false, "Evil Name\r\nX": false,
		"a\x00": false, "a:": false, "ü": false, "\xff": false,
	} {
		if got := httpmsg.ValidName(name); got != valid {
			t.Errorf("%q is a name: %v", name, got)
		}
		if got := httpmsg.CanonicalName(name) != ""; got != valid {
			t.Errorf("%q has a canonical form: %v", name, got)
		}
	}
}

func TestValuesHoldNoControlCharacters(t *testing.T) {
	for value, clean := range map[string]string{
		"":                          "",
		"größer\tals":               "größer\tals",
		"\xff":                      "\xff",
		" a ":                       "a",
		"a\r\nSet-Cookie: x\x00":    "a  Set-Cookie: x",
		"\x7fa\x01\n":               "a",
		"\r\n":                      "",
		`{"detail":"one\nescaped"}`: `{"detail":"one\nescaped"}`,
	} {
		if got := httpmsg.CleanValue(value); got != clean {
			t.Errorf("%q is sent as %q, want %q", value, got, clean)
		}
		if strings.Trim(value, " ") == clean != httpmsg.ValidValue(value) {
			t.Errorf("%q is valid: %v", value, httpmsg.ValidValue(value))
		}
	}
}

// FuzzField states the rules in another way.
func FuzzField(f *testing.F) {
	f.Add("Micro-Error", `{"detail":"x"}`)
	f.Add("Evil Name\r\nX", "a\r\nSet-Cookie: x\x00")
	f.Add("traceparent", " \t\x7f\xc3 ")
	const delimiters = "\"(),/:;<=>?@[\\]{} "
	f.Fuzz(func(t *testing.T, name, value string) {
		valid := name != ""
		for _, c := range []byte(name) {
			valid = valid && c > ' ' && c < 0x7f && !strings.Contains(delimiters, string(rune(c)))
		}
		if got := httpmsg.ValidName(name); got != valid {
			t.Errorf("%q is a name: %v", name, got)
		}
		canonical := httpmsg.CanonicalName(name)
		if valid && canonical != textproto.CanonicalMIMEHeaderKey(name) || !valid && canonical != "" {
			t.Errorf("%q in canonical form is %q", name, canonical)
		}
		control := strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if httpmsg.ValidValue(value) == control {
			t.Errorf("%q is a value: %v", value, !control)
		}
		clean := httpmsg.CleanValue(value)
		if !httpmsg.ValidValue(clean) || httpmsg.CleanValue(clean) != clean || len(clean) > len(value) {
			t.Errorf("%q is cleaned to %q", value, clean)
		}
	})
}
