package sealed_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/secrets"
	"github.com/justcy/go-micro/v4/config/secrets/secretbox"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/config/source/sealed"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func box(t testing.TB, b byte) secrets.Secrets {
	t.Helper()
	s := secretbox.NewSecrets(secrets.Key(bytes.Repeat([]byte{b}, 32)))
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	return s
}

func seal(t testing.TB, text string) string {
	t.Helper()
	value, err := sealed.Seal(box(t, 1), text)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestConformance(t *testing.T) {
	inner := map[source.Source]source.Source{}
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, document string) source.Source {
			m := memory.NewSource(memory.WithJSON([]byte(strings.ReplaceAll(document, `"x"`, `"`+seal(t, "x")+`"`))))
			s := sealed.NewSource(m, box(t, 1))
			inner[s] = m
			return s
		},
		Change: func(_ testing.TB, s source.Source, document string) {
			_ = inner[s].Write(&source.ChangeSet{Data: []byte(document), Format: "json"})
		},
	})
}

func TestValuesAreOpened(t *testing.T) {
	document := fmt.Sprintf("big: 9007199254740993\ndb: {password: %q, hosts: [a, %q]}\n", seal(t, `pa"ss`), seal(t, "b"))
	s := sealed.NewSource(memory.NewSource(memory.WithYAML([]byte(document))), box(t, 1),
		sealed.WithReader(json.NewReader(reader.WithEncoder(yaml.NewEncoder()))))
	set, err := s.Read()
	if want := `{"big":9007199254740993,"db":{"hosts":["a","b"],"password":"pa\"ss"}}`; err != nil || string(set.Data) != want || set.Format != "json" || set.Source != "memory" {
		t.Errorf("read %s, %v, want %s", set.Data, err, want)
	}
}

func TestValueThatCannotBeOpenedIsNamed(t *testing.T) {
	for name, value := range map[string]string{"another key": seal(t, "x"), "no base64": sealed.Prefix + "?", "too short": sealed.Prefix + "AAAA"} {
		s := sealed.NewSource(memory.NewSource(memory.WithJSON([]byte(`{"db":[{"password":"`+value+`"}]}`))), box(t, 2))
		if _, err := s.Read(); err == nil || !strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), "db.0.password") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sealed.Seal(secretbox.NewSecrets(), "x"); err == nil {
		t.Error("a value is sealed without a key")
	}
}

func TestADocumentThatCannotBeReadIsAnErrorAndAnEmptyOneIsNot(t *testing.T) {
	if _, err := sealed.NewSource(memory.NewSource(memory.WithJSON([]byte(`{`))), box(t, 1)).Read(); err == nil {
		t.Error("no error")
	}
	if set, err := sealed.NewSource(memory.NewSource(), box(t, 1)).Read(); err != nil || len(set.Data) != 0 {
		t.Errorf("an empty source reads as %v, %v", set, err)
	}
}

func FuzzSealed(f *testing.F) {
	f.Add([]byte(`{"a":"sealed:AAAA","b":["` + seal(f, "x") + `"]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		set, err := sealed.NewSource(memory.NewSource(memory.WithJSON(document)), box(t, 1)).Read()
		if err == nil && len(set.Data) > 0 {
			if _, err := json.NewReader().Merge(set); err != nil {
				t.Errorf("%q became %q: %v", document, set.Data, err)
			}
		}
	})
}

func Example() {
	key := []byte("an example key of thirty-two byt") // from a file only the service can read
	s := secretbox.NewSecrets(secrets.Key(key))
	if err := s.Init(); err != nil {
		fmt.Println(err)
		return
	}
	password, err := sealed.Seal(s, "hunter2") // once, by whoever edits the file
	if err != nil {
		fmt.Println(err)
		return
	}
	document := memory.NewSource(memory.WithJSON([]byte(`{"database":{"password":"` + password + `"}}`)))

	c, err := config.NewConfig(config.WithSource(sealed.NewSource(document, s)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Get("database", "password").String(""))
	// Output: hunter2
}
