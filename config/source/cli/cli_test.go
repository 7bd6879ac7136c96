package cli_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/config/source"
	sourcecli "github.com/justcy/go-micro/v4/config/source/cli"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// parsed returns the context of a command line.
func parsed(t testing.TB, flags []cli.Flag, args ...string) *cli.Context {
	t.Helper()
	var parsed *cli.Context
	app := cli.NewApp()
	app.Flags = flags
	app.HideHelp = true
	app.Action = func(c *cli.Context) error { parsed = c; return nil }
	if err := app.Run(append([]string{"test"}, args...)); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestConformance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, _ string) source.Source {
			return sourcecli.WithContext(parsed(t, []cli.Flag{&cli.StringFlag{Name: "a-b", Value: "x"}}))
		},
		NoDocument: true,
		NoChange:   true,
	})
}

// level is a flag's value of a program's own.
type level struct{ name string }

func (l *level) Set(name string) error { l.name = name; return nil }
func (l *level) String() string        { return l.name }

func TestASeparatorLeavesDashesAndUnderscoresInKeys(t *testing.T) {
	flags := []cli.Flag{&cli.IntFlag{Name: "database.max_items"}, &cli.IntFlag{Name: "dry-run"}}
	s := sourcecli.WithContext(parsed(t, flags, "--database.max_items=3"), source.WithSeparator("."))
	if set, err := s.Read(); err != nil || string(set.Data) != `{"database":{"max_items":"3"},"dry-run":"0"}` {
		t.Errorf("read %s, %v", set.Data, err)
	}
}

func TestFlagsAreReadAsTheyWereGiven(t *testing.T) {
	t.Setenv("CLI_TEST_B", "from env")
	for _, tt := range []struct {
		name  string
		flags []cli.Flag
		args  []string
		want  string
	}{
		{"none", nil, nil, `{}`},
		{"a default", []cli.Flag{&cli.StringFlag{Name: "a-x", Value: "d"}}, nil, `{"a":{"x":"d"}}`},
		{"a variable", []cli.Flag{&cli.StringFlag{Name: "b", EnvVars: []string{"CLI_TEST_B"}}}, nil, `{"b":"from env"}`},
		{"the first name", []cli.Flag{&cli.IntFlag{Name: "Port_Number", Aliases: []string{"p"}}}, []string{"-p", "7"}, `{"port":{"number":"7"}}`},
		{"types", []cli.Flag{&cli.BoolFlag{Name: "b"}, &cli.Float64Flag{Name: "f"}, &cli.DurationFlag{Name: "d"}}, []string{"-b", "-f=1.5", "-d=1us"}, `{"b":"true","d":"1µs","f":"1.5"}`},
		{"text as it was given", []cli.Flag{&cli.StringFlag{Name: "password"}, &cli.StringFlag{Name: "pin"}}, []string{"--password=007", "--pin=1"}, `{"password":"007","pin":"1"}`},
		{"a moment", []cli.Flag{&cli.TimestampFlag{Name: "at", Layout: time.RFC3339}, &cli.TimestampFlag{Name: "never", Layout: time.RFC3339}}, []string{"--at=2020-01-02T03:04:05Z"}, `{"at":"2020-01-02T03:04:05Z","never":""}`},
		{"a value of its own", []cli.Flag{&cli.GenericFlag{Name: "level", Value: new(level)}}, []string{"--level=high"}, `{"level":"high"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := parsed(t, tt.flags, tt.args...)
			for _, s := range []source.Source{sourcecli.WithContext(ctx), sourcecli.NewSource(sourcecli.Context(ctx))} {
				if set, err := s.Read(); err != nil || string(set.Data) != tt.want || set.Source != "cli" {
					t.Errorf("read %s, %v, want %s", set.Data, err, tt.want)
				}
			}
		})
	}
}

func TestSliceFlagsBecomeLists(t *testing.T) {
	flags := []cli.Flag{&cli.StringSliceFlag{Name: "s"}, &cli.IntSliceFlag{Name: "i"}, &cli.StringSliceFlag{Name: "none"}}
	set, err := sourcecli.WithContext(parsed(t, flags, "-s=a", "-s=b", "-i=1")).Read()
	if want := `{"i":["1"],"none":[],"s":["a","b"]}`; err != nil || string(set.Data) != want {
		t.Errorf("read %s, %v, want %s", set.Data, err, want)
	}
}

func TestAnUnsetServerDoesNotHideServerName(t *testing.T) {
	flags := func() []cli.Flag {
		return []cli.Flag{&cli.StringFlag{Name: "server"}, &cli.StringFlag{Name: "server_name"}, &cli.StringFlag{Name: "server_id", Value: "1"}}
	}
	for want, args := range map[string][]string{
		`{"server":{"id":"1","name":"x"}}`: {"--server_name=x"},
		`{"server":"mucp"}`:                {"--server=mucp"},
		`{"server":{"id":"1","name":""}}`:  nil,
	} {
		if set, err := sourcecli.WithContext(parsed(t, flags(), args...)).Read(); err != nil || string(set.Data) != want {
			t.Errorf("%v: read %s, %v, want %s", args, set.Data, err, want)
		}
	}
}

func TestWithoutAContextTheFlagsOfTheServiceAreRead(t *testing.T) {
	before := os.Args
	defer func() { os.Args = before }()
	os.Args = []string{"service", "--server_name=shop", "--server_metadata=a=b", "--unknown", "--server_id=lost"}
	set, err := sourcecli.NewSource().Read()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Server   struct{ Name, Id string }
		Register struct{ TTL string }
	}
	if err := json.Unmarshal(set.Data, &got); err != nil || got.Server.Name != "shop" || got.Server.Id != "" || got.Register.TTL != "60" {
		t.Errorf("read %s, %v", set.Data, err)
	}
	for _, f := range cmd.App().Flags {
		if f.IsSet() {
			t.Errorf("reading marked the flag %s of the service as set", f.Names()[0])
		}
	}
}
