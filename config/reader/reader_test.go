package reader_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/config/reader"
)

func TestOnlyWellFormedVariablesAreReplaced(t *testing.T) {
	t.Setenv("CONFIG_A", "alpha")
	t.Setenv("CONFIG_B2", "")
	for in, want := range map[string]string{
		`{"a":"${CONFIG_A}"}`:               `{"a":"alpha"}`,
		`${CONFIG_A}${CONFIG_A}-${CONFIG_A`: `alphaalpha-${CONFIG_A`,
		`[${CONFIG_B2}${CONFIG_UNSET}]`:     `[]`,
		`${CONFIG-A} ${} $CONFIG_A $ { ${`:  `${CONFIG-A} ${} $CONFIG_A $ { ${`,
		`$${CONFIG_A}}`:                     `$alpha}`,
		`${${CONFIG_A}}`:                    `${alpha}`,
		``:                                  ``,
	} {
		if got, err := reader.ReplaceEnvVars([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestQuotesInVariablesInjectNoKeys(t *testing.T) {
	for _, text := range []string{`x","admin":"yes`, `back\slash`, "line\nbreak\x00", `"`, "\u2028é"} {
		if strings.ContainsRune(text, 0) {
			text = strings.ReplaceAll(text, "\x00", "") // no variable has one
		}
		t.Setenv("CONFIG_TEXT", text)
		got, err := reader.ReplaceEnvVars([]byte(`{"a":"${CONFIG_TEXT}"}`))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]string
		if err := json.Unmarshal(got, &m); err != nil || len(m) != 1 || m["a"] != text {
			t.Errorf("%q became %q, %v", text, m, err)
		}
	}
}

func FuzzReplaceEnvVars(f *testing.F) {
	for _, seed := range []string{`{"a":"${FUZZED}"}`, `${`, `${}`, `$${FUZZED}}`, `${FUZZED`} {
		f.Add([]byte(seed), `va"lue\`)
	}
	f.Fuzz(func(t *testing.T, raw []byte, value string) {
		if os.Setenv("FUZZED", value) != nil {
			return
		}
		before := string(raw)
		got, err := reader.ReplaceEnvVars(raw)
		if err != nil || string(raw) != before {
			t.Fatalf("%v, or the input was changed", err)
		}
		if !strings.Contains(before, "${") && string(got) != before {
			t.Fatalf("%q became %q", before, got)
		}
		if json.Valid(raw) && !json.Valid(got) && insideStrings(raw) {
			t.Fatalf("%s is no longer JSON: %s", raw, got)
		}
	})
}

// insideStrings reports whether every placeholder is within a string, which in
// JSON it cannot but be.
func insideStrings(raw []byte) bool { return !strings.Contains(string(raw), `\${`) }

func ExampleReplaceEnvVars() {
	os.Setenv("GREETER_HOST", "db1")
	defer os.Unsetenv("GREETER_HOST")
	text, _ := reader.ReplaceEnvVars([]byte(`{"database":"${GREETER_HOST}:5432"}`))
	fmt.Println(string(text))
	// Output: {"database":"db1:5432"}
}
