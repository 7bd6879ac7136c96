package env_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/env"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New:        func(testing.TB, string) source.Source { return env.NewSource() },
		NoDocument: true,
		NoChange:   true,
	})
}

// environment replaces the variables of the process by these, in their order.
func environment(t *testing.T, variables ...string) {
	t.Helper()
	before := os.Environ()
	restore := func() {
		os.Clearenv()
		for _, v := range before {
			name, value, _ := strings.Cut(v, "=")
			_ = os.Setenv(name, value)
		}
	}
	t.Cleanup(restore)
	os.Clearenv()
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

func TestVariablesAreNestedAtTheirSeparators(t *testing.T) {
	for _, tt := range []struct {
		name      string
		variables []string
		opts      []source.Option
		want      string
	}{
		{"none", nil, nil, `{}`},
		{"nested", []string{"DB_HOST=a", "DB_PORT=5432"}, nil, `{"db":{"host":"a","port":"5432"}}`},
		{"text as it was given", []string{"A=007", "B=t", "C=F", "D=1.5", "E=", "F=-3", "G=1"}, nil, `{"a":"007","b":"t","c":"F","d":"1.5","e":"","f":"-3","g":"1"}`},
		{"empty parts", []string{"_A__B=1"}, nil, `{"":{"a":{"":{"b":"1"}}}}`},
		{"the first wins", []string{"A_B=1", "a_b=2"}, nil, `{"a":{"b":"1"}}`},
		{"but not if it is empty", []string{"A=", "a=2", "B=0", "b=x", "C=false", "c=1"}, nil, `{"a":"2","b":"x","c":"1"}`},
		{"a value hides those below", []string{"A=x", "A_B=1"}, nil, `{"a":"x"}`},
		{"an empty value does not", []string{"A=", "A_B=1"}, nil, `{"a":{"b":"1"}}`},
		{"nested values hide the one above", []string{"A_B=1", "A=x"}, nil, `{"a":{"b":"1"}}`},
		{"an equals sign", []string{"A=b=c"}, nil, `{"a":"b=c"}`},
		{"prefix", []string{"APP_A=1", "app_b=2", "APPLE=3", "X=4"}, []source.Option{env.WithPrefix("APP")}, `{"app":{"a":"1"}}`},
		{"prefix with an underscore", []string{"APP_A=1"}, []source.Option{env.WithPrefix("APP_")}, `{"app":{"a":"1"}}`},
		{"stripped prefix", []string{"APP_A_B=1", "X=4"}, []source.Option{env.WithStrippedPrefix("APP")}, `{"a":{"b":"1"}}`},
		{"another separator", []string{"SHOP_MAX_ITEMS=1", "SHOP_DB__MAX_CONNS=2"}, []source.Option{env.WithStrippedPrefix("SHOP"), source.WithSeparator("__")}, `{"db":{"max_conns":"2"},"max_items":"1"}`},
		{"another separator, behind a prefix as well", []string{"SHOP__MAX_ITEMS=1", "SHOP___X=2"}, []source.Option{env.WithStrippedPrefix("SHOP"), source.WithSeparator("__")}, `{"_x":"2","max_items":"1"}`},
		{"another separator behind a prefix", []string{"APP_A_B=1", "APP_C__D=2"}, []source.Option{env.WithPrefix("APP"), source.WithSeparator("__")}, `{"app":{"a_b":"1","c":{"d":"2"}}}`},
		{"both", []string{"APP_A=1", "SYS_B=2", "X=4"}, []source.Option{env.WithStrippedPrefix("APP"), env.WithPrefix("SYS")}, `{"a":"1","sys":{"b":"2"}}`},
		{"several", []string{"A_X=1", "B_Y=2"}, []source.Option{env.WithPrefix("A", "B")}, `{"a":{"x":"1"},"b":{"y":"2"}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environment(t, tt.variables...)
			set, err := env.NewSource(tt.opts...).Read()
			if err != nil || string(set.Data) != tt.want || set.Source != "env" || set.Format != "json" {
				t.Errorf("read %s, %v, want %s", set.Data, err, tt.want)
			}
		})
	}
}

func TestDefaultPrefixesAreAlsoRead(t *testing.T) {
	env.DefaultPrefixes = []string{"SYS"}
	defer func() { env.DefaultPrefixes = []string{} }()
	environment(t, "SYS_A=1", "APP_B=2", "C=3")
	for want, opts := range map[string][]source.Option{
		`{"app":{"b":"2"},"c":"3","sys":{"a":"1"}}`: nil,
		`{"b":"2","sys":{"a":"1"}}`:                 {env.WithStrippedPrefix("APP")},
	} {
		if set, err := env.NewSource(opts...).Read(); err != nil || string(set.Data) != want {
			t.Errorf("read %s, %v, want %s", set.Data, err, want)
		}
	}
}

func TestAWatcherCanBeStoppedAgain(t *testing.T) {
	w, err := env.NewSource().Watch()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.Next(); !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("Next: %v", err)
	}
}
