package natsjs

import (
	"strings"
	"testing"
)

func TestTopicsAreSubjectsOfTheirOwn(t *testing.T) {
	for topic, want := range map[string]string{
		"orders": "orders", "orders.eu": "orders.eu", "orders/eu": "orders/eu", "größe": "größe", "a*b": "a*b", "100%": "100%",
		"a b": "a%20b", "a.*": "a%2E%2A", "a.>": "a%2E%3E", "a..b": "a%2E%2Eb", ".a": "%2Ea", "a\r\nPUB x": "a%0D%0APUB%20x",
		"$JS.API.STREAM.DELETE.orders": "%24JS%2EAPI%2ESTREAM%2EDELETE%2Eorders", "a%20b": "a%2520b", "%24": "%2524",
	} {
		if got := subject(topic); got != want {
			t.Errorf("the subject of %q is %q, want %q", topic, got, want)
		}
	}
}

func TestStreamsAreNamedAsTheirTopicsWhereTheyCanBe(t *testing.T) {
	for _, topic := range []string{"orders", "größe", "a-b_c", "a%b"} {
		if got := name(topic); got != topic {
			t.Errorf("the stream of %q is %q", topic, got)
		}
	}
	names := map[string]string{}
	for _, topic := range []string{"a.b", "a/b", "a b", "a_b", "a*b", "a.>", `a\b`, "a\nb", strings.Repeat("x", 500), strings.Repeat("ü", 300)} {
		got := name(topic)
		if strings.ContainsAny(got, " .*>/\\\n") || len(got) > maxName {
			t.Errorf("the stream of %q is %q", topic, got)
		}
		if other, taken := names[got]; taken {
			t.Errorf("%q and %q have the stream %q", topic, other, got)
		}
		names[got] = topic
	}
}

func FuzzSubjectsAreNeverShared(f *testing.F) {
	f.Add("a b", "a%20b")
	f.Add("a.*", "a%2E%2A")
	f.Add("$a", "%24a")
	f.Fuzz(func(t *testing.T, one, other string) {
		if one != other && one != "" && other != "" && subject(one) == subject(other) {
			t.Errorf("%q and %q share the subject %q", one, other, subject(one))
		}
		if one != "" && !literal(subject(one)) {
			t.Errorf("%q has the subject %q", one, subject(one))
		}
	})
}
