package flag_test

import (
	"flag"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config/source"
	sourceflag "github.com/justcy/go-micro/v4/config/source/flag"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// flags replaces the flags of the program by those that define adds.
func flags(t testing.TB, define func(), args ...string) {
	t.Helper()
	before := flag.CommandLine
	t.Cleanup(func() { flag.CommandLine = before })
	flag.CommandLine = flag.NewFlagSet("test", flag.ContinueOnError)
	define()
	if args == nil {
		return
	}
	if err := flag.CommandLine.Parse(args); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, _ string) source.Source {
			flags(t, func() { flag.String("database-host", "", "") }, "-database-host=a")
			return sourceflag.NewSource()
		},
		NoDocument: true,
		NoChange:   true,
	})
}

func TestFlagsMustBeParsed(t *testing.T) {
	flags(t, func() {})
	if _, err := sourceflag.NewSource().Read(); err == nil || err.Error() != "flags not parsed" {
		t.Errorf("Read: %v", err)
	}
}

func TestOnlyFlagsThatWereGivenAreReadUnlessAllAreAskedFor(t *testing.T) {
	define := func() {
		flag.String("database-host", "localhost", "")
		flag.Int("Database_Port", 5432, "")
		flag.Bool("debug_", false, "")
		flag.Duration("timeout", time.Second, "")
		flag.Float64("ratio", 0.5, "")
		flag.Func("func", "", func(string) error { return nil })
	}
	for _, tt := range []struct {
		name string
		args []string
		opts []source.Option
		want string
	}{
		{"none was given", []string{}, nil, `{}`},
		{"some were given", []string{"-database-host=a", "-Database_Port=1", "-debug_", "-timeout=2s", "-ratio=1.5"}, nil,
			`{"database":{"host":"a","port":"1"},"debug":"true","ratio":"1.5","timeout":"2s"}`},
		{"with defaults", []string{"-ratio=2"}, []source.Option{sourceflag.IncludeUnset(true)},
			`{"database":{"host":"localhost","port":"5432"},"debug":"false","func":"","ratio":"2","timeout":"1s"}`},
		{"another separator", []string{"-database-host=a", "-ratio=1e6"}, []source.Option{source.WithSeparator("_")},
			`{"database-host":"a","ratio":"1000000"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			flags(t, define, tt.args...)
			set, err := sourceflag.NewSource(tt.opts...).Read()
			if err != nil || string(set.Data) != tt.want {
				t.Errorf("read %s, %v, want %s", set.Data, err, tt.want)
			}
		})
	}
}

func TestIncludeUnsetFalseLeavesDefaultsOut(t *testing.T) {
	flags(t, func() { flag.String("a", "x", "") }, "--")
	set, err := sourceflag.NewSource(sourceflag.IncludeUnset(false)).Read()
	if err != nil || string(set.Data) != `{}` {
		t.Errorf("read %s, %v", set.Data, err)
	}
}

func TestAnEmptyFlagHidesNoneBelow(t *testing.T) {
	define := func() {
		flag.String("server", "", "")
		flag.String("server_name", "", "")
		flag.String("server_id", "", "")
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-server_name=a"}, `{"server":{"name":"a"}}`},
		{[]string{"-server=x", "-server_name=a"}, `{"server":"x"}`},
		{[]string{"-server=x"}, `{"server":"x"}`},
	} {
		flags(t, define, tt.args...)
		if set, err := sourceflag.NewSource().Read(); err != nil || string(set.Data) != tt.want {
			t.Errorf("%v: read %s, %v, want %s", tt.args, set.Data, err, tt.want)
		}
	}
	flags(t, define, "-server_name=a")
	set, err := sourceflag.NewSource(sourceflag.IncludeUnset(true)).Read()
	if want := `{"server":{"id":"","name":"a"}}`; err != nil || string(set.Data) != want {
		t.Errorf("with defaults: read %s, %v, want %s", set.Data, err, want)
	}
}
