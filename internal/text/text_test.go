package text_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/internal/text"
)

func TestCutKeepsWholeRunes(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aäb", 2, "a…"}, {"äb", 2, "ä…"},
		{"a", 0, "…"}, {"a", -1, "…"}, {"\xff\xff\xff", 2, "\xff\xff…"}, {"\x80\x80\x80", 2, "…"},
	} {
		if got := text.Cut(tt.in, tt.limit); got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func TestValidReplacesWhatIsNoText(t *testing.T) {
	for in, want := range map[string]string{"": "", "ä\n": "ä\n", "a\xff\xfeb": "a\uFFFDb"} {
		if got := text.Valid(in); got != want {
			t.Errorf("Valid(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEachCopiesWhatItChanges(t *testing.T) {
	m := map[string]string{"a": "b", "c\xff": "d\xff"}
	if got := text.Each(m, text.Valid); len(got) != 2 || got["a"] != "b" || got["c\uFFFD"] != "d\uFFFD" || m["c\xff"] != "d\xff" {
		t.Errorf("%q became %q", m, got)
	}
	same := text.Each(m, func(s string) string { return s })
	if same["new"] = "n"; m["new"] != "n" {
		t.Error("what is not changed is copied")
	}
	if text.Each(nil, text.Valid) != nil {
		t.Error("nil is not nil")
	}
}

func TestLineQuotesWhatDoesNotShowOnALine(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "Shop.Sell": "Shop.Sell", "zwei Wörter": "zwei Wörter",
		"a\nb": `"a\nb"`, "a\xffb": `"a\xffb"`, "\x1b[2J": `"\x1b[2J"`, "12345678901234567": `"1234567890123456…"`,
	} {
		if got := text.Line(in, 16); got != want {
			t.Errorf("Line(%q) = %s, want %s", in, got, want)
		}
	}
}
