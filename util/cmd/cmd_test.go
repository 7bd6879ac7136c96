package cmd_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// parts are those of one service, for a command line to work on.
type parts struct {
	Auth      auth.Auth
	Broker    broker.Broker
	Client    client.Client
	Config    config.Config
	Profile   profile.Profile
	Registry  registry.Registry
	Runtime   runtime.Runtime
	Selector  selector.Selector
	Server    server.Server
	Store     store.Store
	Tracer    trace.Tracer
	Transport transport.Transport
}

func newParts(t testing.TB) *parts {
	t.Helper()
	r := registry.NewMemoryRegistry()
	b := broker.NewMemoryBroker()
	tr := transport.NewMemoryTransport()
	s := selector.NewSelector(selector.Registry(r))
	c, err := config.NewConfig()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	p := &parts{
		Auth:      auth.NewAuth(),
		Broker:    b,
		Client:    client.NewClient(client.Registry(r), client.Broker(b), client.Transport(tr), client.Selector(s)),
		Config:    c,
		Profile:   profile.DefaultProfile,
		Registry:  r,
		Runtime:   runtime.NewRuntime(),
		Selector:  s,
		Server:    server.NewServer(server.Registry(r), server.Broker(b), server.Transport(tr)),
		Store:     store.NewMemoryStore(),
		Tracer:    trace.DefaultTracer,
		Transport: tr,
	}
	return p
}

func (p *parts) options() []cmd.Option {
	return []cmd.Option{
		cmd.Auth(&p.Auth), cmd.Broker(&p.Broker), cmd.Client(&p.Client), cmd.Config(&p.Config),
		cmd.Profile(&p.Profile), cmd.Registry(&p.Registry), cmd.Runtime(&p.Runtime), cmd.Selector(&p.Selector),
		cmd.Server(&p.Server), cmd.Store(&p.Store), cmd.Tracer(&p.Tracer), cmd.Transport(&p.Transport),
	}
}

// arguments are those of the process while the test runs.
func arguments(t testing.TB, args ...string) {
	t.Helper()
	before := os.Args
	t.Cleanup(func() { os.Args = before })
	os.Args = append([]string{"service"}, args...)
}

// run has a new command line work on p.
func (p *parts) run(t testing.TB, opts []cmd.Option, args ...string) error {
	t.Helper()
	arguments(t, args...)
	return cmd.NewCmd(append(p.options(), opts...)...).Init()
}

// Kinds that differ from the built-in ones by their name.
type (
	otherBroker    struct{ broker.Broker }
	otherClient    struct{ client.Client }
	otherConfig    struct{ config.Config }
	otherProfile   struct{ profile.Profile }
	otherRegistry  struct{ registry.Registry }
	otherRuntime   struct{ runtime.Runtime }
	otherSelector  struct{ selector.Selector }
	otherServer    struct{ server.Server }
	otherStore     struct{ store.Store }
	otherTransport struct{ transport.Transport }
	otherAuth      struct{ auth.Auth }
	otherTracer    struct{ trace.Tracer }
)

func (otherBroker) String() string    { return "other" }
func (otherClient) String() string    { return "other" }
func (otherConfig) String() string    { return "other" }
func (otherProfile) String() string   { return "other" }
func (otherRegistry) String() string  { return "other" }
func (otherRuntime) String() string   { return "other" }
func (otherSelector) String() string  { return "other" }
func (otherServer) String() string    { return "other" }
func (otherStore) String() string     { return "other" }
func (otherTransport) String() string { return "other" }
func (otherAuth) String() string      { return "other" }
func (otherTracer) String() string    { return "other" }

// others makes a kind named "other" known for every part.
func others() []cmd.Option {
	return []cmd.Option{
		cmd.NewAuth("other", func(o ...auth.Option) auth.Auth { return otherAuth{auth.NewAuth(o...)} }),
		cmd.NewBroker("other", func(o ...broker.Option) broker.Broker { return otherBroker{broker.NewMemoryBroker(o...)} }),
		cmd.NewClient("other", func(o ...client.Option) client.Client { return otherClient{client.NewClient(o...)} }),
		cmd.NewConfig("other", func(o ...config.Option) (config.Config, error) {
			c, err := config.NewConfig(o...)
			return otherConfig{c}, err
		}),
		cmd.NewProfile("other", func(...profile.Option) profile.Profile { return otherProfile{profile.DefaultProfile} }),
		cmd.NewRegistry("other", func(o ...registry.Option) registry.Registry {
			return otherRegistry{registry.NewMemoryRegistry(o...)}
		}),
		cmd.NewRuntime("other", func(o ...runtime.Option) runtime.Runtime { return otherRuntime{runtime.NewRuntime(o...)} }),
		cmd.NewSelector("other", func(o ...selector.Option) selector.Selector { return otherSelector{selector.NewSelector(o...)} }),
		cmd.NewServer("other", func(o ...server.Option) server.Server { return otherServer{server.NewServer(o...)} }),
		cmd.NewTracer("other", func(...trace.Option) trace.Tracer { return otherTracer{trace.DefaultTracer} }),
		cmd.NewTransport("other", func(o ...transport.Option) transport.Transport {
			return otherTransport{transport.NewMemoryTransport(o...)}
		}),
		func(o *cmd.Options) {
			o.Stores["other"] = func(so ...store.Option) store.Store { return otherStore{store.NewMemoryStore(so...)} }
		},
	}
}

func (p *parts) names() map[string]string {
	name := func(v any) string {
		if n, ok := v.(interface{ String() string }); ok {
			return n.String()
		}
		return ""
	}
	return map[string]string{
		"auth": name(p.Auth), "broker": name(p.Broker), "client": name(p.Client), "config": name(p.Config),
		"profile": name(p.Profile), "registry": name(p.Registry), "runtime": name(p.Runtime), "selector": name(p.Selector),
		"server": name(p.Server), "store": name(p.Store), "tracer": name(p.Tracer), "transport": name(p.Transport),
	}
}

// environment names the variable of a flag.
func environment(flag string) string {
	if flag == "profile" {
		return "MICRO_DEBUG_PROFILE"
	}
	return "MICRO_" + strings.ToUpper(flag)
}

func TestEveryPartIsChosenByFlagAndVariable(t *testing.T) {
	for part := range newParts(t).names() {
		t.Run(part, func(t *testing.T) {
			byFlag := newParts(t)
			if err := byFlag.run(t, others(), "--"+part, "other"); err != nil {
				t.Fatal(err)
			}
			byVariable := newParts(t)
			t.Setenv(environment(part), "other")
			if err := byVariable.run(t, others()); err != nil {
				t.Fatal(err)
			}
			for how, p := range map[string]*parts{"flag": byFlag, "variable": byVariable} {
				for name, got := range p.names() {
					if (got == "other") != (name == part) {
						t.Errorf("by %s: the %s is %q", how, name, got)
					}
				}
			}
		})
	}
}

func TestChosenPartsAreHandedOn(t *testing.T) {
	p := newParts(t)
	if err := p.run(t, others(), "--registry=other", "--broker=other", "--transport=other", "--selector=other", "--tracer=other"); err != nil {
		t.Fatal(err)
	}
	s, c := p.Server.Options(), p.Client.Options()
	for name, got := range map[string]any{
		"server registry": s.Registry, "server broker": s.Broker, "server transport": s.Transport, "server tracer": s.Tracer,
		"client registry": c.Registry, "client broker": c.Broker, "client transport": c.Transport, "client selector": c.Selector,
		"selector registry": p.Selector.Options().Registry, "broker registry": p.Broker.Options().Registry,
	} {
		if n, ok := got.(interface{ String() string }); !ok || n.String() != "other" {
			t.Errorf("the %s is %T", name, got)
		}
	}
}

func TestARegistryReachesASelectorReplacedLater(t *testing.T) {
	p := newParts(t)
	if err := p.run(t, others(), "--registry=other", "--selector=other"); err != nil {
		t.Fatal(err)
	}
	if p.Selector.Options().Registry != p.Registry {
		t.Errorf("the selector has the registry %s", p.Selector.Options().Registry)
	}
}

func TestANewTracerIsHandedToTheServer(t *testing.T) {
	p := newParts(t)
	if err := p.run(t, others(), "--tracer=other"); err != nil {
		t.Fatal(err)
	}
	if p.Server.Options().Tracer != p.Tracer {
		t.Errorf("the server's tracer is %T", p.Server.Options().Tracer)
	}
}

func TestChosenClientAndServerKeepWhatCodeSet(t *testing.T) {
	p := newParts(t)
	if err := errors.Join(
		p.Client.Init(client.Retries(9), client.RequestTimeout(time.Minute), client.PoolSize(7)),
		p.Server.Init(server.Name("shop"), server.RegisterTTL(time.Hour), server.Advertise("shop:80")),
	); err != nil {
		t.Fatal(err)
	}
	if err := p.run(t, others(), "--client=other", "--server=other"); err != nil {
		t.Fatal(err)
	}
	c, s := p.Client.Options(), p.Server.Options()
	if c.CallOptions.Retries != 9 || c.CallOptions.RequestTimeout != time.Minute || c.PoolSize != 7 || c.Registry != p.Registry {
		t.Errorf("the client has %+v", c)
	}
	if s.Name != "shop" || s.RegisterTTL != time.Hour || s.Advertise != "shop:80" || s.Registry != p.Registry {
		t.Errorf("the server has %+v", s)
	}
}

func TestTheCurrentNameIsAccepted(t *testing.T) {
	for part := range newParts(t).names() {
		p := newParts(t)
		if err := p.run(t, others(), "--"+part, "other"); err != nil {
			t.Fatal(err)
		}
		before := *p
		if err := p.run(t, nil, "--"+part, "other"); err != nil { // where nobody knows it
			t.Errorf("%s: %v", part, err)
		}
		if before != *p {
			t.Errorf("the %s was replaced by another of its kind", part)
		}
	}
	for part, name := range newParts(t).names() {
		if name == "" {
			continue
		}
		if err := newParts(t).run(t, nil, "--"+part, name); err != nil {
			t.Errorf("%s %s: %v", part, name, err)
		}
	}
}

func TestBuiltInImplementationsAreChosenByName(t *testing.T) {
	for part, names := range map[string][]string{
		"client": {"mucp"}, "server": {"mucp"}, "registry": {"mdns", "memory"}, "broker": {"http", "memory"},
		"transport": {"http", "memory"}, "store": {"memory", "noop"}, "selector": {"registry"}, "auth": {"noop"},
		"profile": {"noop", "http", "pprof"}, "config": {"config"}, "runtime": {"local"},
	} {
		for _, name := range names {
			p := newParts(t)
			if err := p.run(t, others(), "--"+part, "other"); err != nil {
				t.Fatal(err)
			}
			if err := p.run(t, nil, "--"+part, name); err != nil {
				t.Errorf("%s %s: %v", part, name, err)
			} else if got := p.names()[part]; got != name {
				t.Errorf("%s %s is named %s", part, name, got)
			}
		}
	}
}

func TestUnknownNamesListTheKnownOnes(t *testing.T) {
	for part, text := range map[string]string{
		"client": "Unsupported client: nope", "server": "Unsupported server: nope", "config": "Unsupported config: nope",
		"store": "Unsupported store: nope", "runtime": "Unsupported runtime: nope", "tracer": "Unsupported tracer: nope",
		"auth": "Unsupported auth: nope", "profile": "Unsupported profile: nope", "registry": "Registry nope not found",
		"broker": "Broker nope not found", "selector": "Selector nope not found", "transport": "Transport nope not found",
	} {
		p := newParts(t)
		before := *p
		err := p.run(t, others(), "--"+part, "nope")
		if err == nil || !strings.HasPrefix(err.Error(), text) || !strings.Contains(err.Error(), "other") || !strings.Contains(err.Error(), "import") {
			t.Errorf("%s: %v, want %q and what is known", part, err, text)
		}
		if *p != before {
			t.Errorf("an unknown %s changed the parts", part)
		}
	}
	for part, known := range map[string]string{"registry": "mdns, memory", "store": "memory, noop", "tracer": "none is known"} {
		if err := newParts(t).run(t, nil, "--"+part, "nope"); err == nil || !strings.Contains(err.Error(), known) {
			t.Errorf("%s: %v, want %q", part, err, known)
		}
	}
}

func TestNilPartsAreLeftAlone(t *testing.T) {
	var p parts
	nothing := []cmd.Option{
		cmd.Auth(nil), cmd.Broker(nil), cmd.Client(nil), cmd.Config(nil), cmd.Profile(nil), cmd.Registry(nil),
		cmd.Runtime(nil), cmd.Selector(nil), cmd.Server(nil), cmd.Store(nil), cmd.Tracer(nil), cmd.Transport(nil),
	}
	var args []string
	for part := range p.names() {
		args = append(args, "--"+part, "nope")
	}
	args = append(args, "--broker_address=a", "--registry_address=a", "--transport_address=a", "--store_address=a",
		"--server_name=a", "--client_retries=1", "--auth_id=a", "--runtime_source=a")
	arguments(t, args...)
	if err := cmd.NewCmd(nothing...).Init(); err != nil {
		t.Error(err)
	}
}

func TestTheProfileFlagGivesAServiceItsFirstProfile(t *testing.T) {
	p := newParts(t)
	p.Profile = nil
	if err := p.run(t, nil, "--profile=pprof"); err != nil || p.Profile == nil || p.Profile.String() != "pprof" {
		t.Errorf("the profile is %v, %v", p.Profile, err)
	}
}

func TestOptionsOfOneCmdDoNotShowInAnother(t *testing.T) {
	before := maps.Clone(cmd.DefaultRegistries)
	c := cmd.NewCmd(others()...)
	if _, ok := c.Options().Registries["other"]; !ok {
		t.Error("the registry is not known where it was given")
	}
	if !maps.EqualFunc(before, cmd.DefaultRegistries, func(a, b func(...registry.Option) registry.Registry) bool { return true }) {
		t.Error("an option of one command line changed the package's map")
	}
	if _, ok := cmd.NewCmd().Options().Registries["other"]; ok {
		t.Error("an option of one command line shows in another")
	}
	var empty cmd.Options
	for _, option := range others()[:11] {
		option(&empty)
	}
	cmd.NewCache("other", cache.NewCache)(&empty)
	if len(empty.Registries) != 1 || len(empty.Caches) != 1 {
		t.Errorf("options of nothing gave %+v", empty)
	}
}

func TestParsedFlagsAreNotRememberedByOtherCmds(t *testing.T) {
	t.Setenv("MICRO_SERVER_NAME", "first")
	one := newParts(t)
	if err := one.run(t, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Unsetenv("MICRO_SERVER_NAME"); err != nil {
		t.Fatal(err)
	}
	two := newParts(t)
	if err := two.run(t, nil); err != nil {
		t.Fatal(err)
	}
	if got := two.Server.Options().Name; got == "first" {
		t.Error("a variable that is gone named another service")
	}
}

func TestImplementationsMayBeAddedAfterTheCmdWasMade(t *testing.T) {
	c := cmd.NewCmd() // made before the package adds itself, as DefaultCmd is
	cmd.DefaultRegistries["late"] = func(o ...registry.Option) registry.Registry {
		return otherRegistry{registry.NewMemoryRegistry(o...)}
	}
	defer delete(cmd.DefaultRegistries, "late")
	p := newParts(t)
	arguments(t, "--registry=late")
	if err := c.Init(p.options()...); err != nil || p.Registry.String() != "other" {
		t.Errorf("the registry is %s, %v", p.Registry, err)
	}
}

// Flags as tests define them for themselves.
var (
	_ = flag.String("of-a-test", "", "")
	_ = flag.Bool("switch-of-a-test", false, "")
)

func TestFlagsOfTestsDoNotTripTheService(t *testing.T) {
	p := newParts(t)
	err := p.run(t, nil, "-test.v=true", "-test.timeout", "10m", "-test.short", "--switch-of-a-test", "-of-a-test", "x", "--server_name=shop", "-test.unheard=1", "-of-a-test=y")
	if err != nil || p.Server.Options().Name != "shop" {
		t.Errorf("the server is named %q, %v", p.Server.Options().Name, err)
	}
	if err := newParts(t).run(t, nil, "--unknown"); err == nil || !strings.Contains(err.Error(), "unknown") || !strings.Contains(err.Error(), "--help") {
		t.Errorf("an unknown flag: %v", err)
	}
}

func TestHelpAndVersionAreAnswered(t *testing.T) {
	for _, tt := range []struct {
		arg      string
		opts     []cmd.Option
		want     []string
		answered bool
	}{
		{"--help", []cmd.Option{cmd.Name("shop"), cmd.Description("sells things")}, []string{"shop", "sells things", "--registry", "MICRO_REGISTRY"}, true},
		{"--help", nil, []string{"a go-micro service"}, true},
		{"-h", nil, []string{"USAGE"}, true},
		{"--version", []cmd.Option{cmd.Version("1.2.3")}, []string{"1.2.3"}, true},
		{"--server_name=x", nil, nil, false},
	} {
		p := newParts(t)
		arguments(t, tt.arg)
		c := cmd.NewCmd(append(p.options(), tt.opts...)...)
		var printed bytes.Buffer
		c.App().Writer = &printed
		if err := c.Init(); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(printed.String(), want) {
				t.Errorf("%s printed %q, want %q", tt.arg, printed.String(), want)
			}
		}
		if got := c.(cmd.Answerer).Answered(); got != tt.answered {
			t.Errorf("%s: answered is %v", tt.arg, got)
		}
	}
	if err := newParts(t).run(t, nil, "--version"); err == nil {
		t.Error("there is a version flag without a version")
	}
}

func TestActionRunsAfterTheFlags(t *testing.T) {
	p := newParts(t)
	arguments(t, "--server_name=shop", "--greeting=hello")
	c := cmd.NewCmd(p.options()...)
	c.App().Flags = append(c.App().Flags, &cli.StringFlag{Name: "greeting"})
	var got []string
	failure := errors.New("the action failed")
	c.App().Action = func(ctx *cli.Context) error {
		got = []string{ctx.String("greeting"), p.Server.Options().Name}
		return failure
	}
	if err := c.Init(); !errors.Is(err, failure) || !slices.Equal(got, []string{"hello", "shop"}) {
		t.Errorf("the action saw %q, Init returned %v", got, err)
	}
}

func TestFunctionsOfThePackageUseTheDefaultCmd(t *testing.T) {
	old := cmd.DefaultCmd
	defer func() { cmd.DefaultCmd = old }()
	p := newParts(t)
	cmd.DefaultCmd = cmd.NewCmd(p.options()...)
	arguments(t)
	if err := cmd.Init(cmd.Name("shop"), cmd.Version("1")); err != nil {
		t.Fatal(err)
	}
	if o := cmd.DefaultOptions(); o.Name != "shop" || cmd.App().Name != "shop" || cmd.App().Version != "1" || o.Server != &p.Server {
		t.Errorf("the options are %+v", o)
	}
}

func TestArgumentsThatNobodyReadsAreRefused(t *testing.T) {
	if err := newParts(t).run(t, nil, "--server_name=shop", "extra"); err == nil || !strings.Contains(err.Error(), `"extra"`) {
		t.Errorf("Init returned %v", err)
	}
}

func TestAFlagThatIsDefinedTwiceIsRefused(t *testing.T) {
	for name, f := range map[string]cli.Flag{
		"--registry": &cli.StringFlag{Name: "registry"},
		"--tracer":   &cli.StringFlag{Name: "trace", Aliases: []string{"tracer"}},
		"--help":     &cli.BoolFlag{Name: "help"},
		"-h":         &cli.StringFlag{Name: "host", Aliases: []string{"h"}},
		"--own":      &cli.StringFlag{Name: "own"},
	} {
		arguments(t)
		c := cmd.NewCmd(newParts(t).options()...)
		c.App().Flags = append(c.App().Flags, &cli.StringFlag{Name: "own"}, f)
		err := c.Init()
		if err == nil || !strings.Contains(err.Error(), "the flag "+name+" is defined twice") {
			t.Errorf("%s: Init returned %v", name, err)
		} else if byFramework := strings.Contains(err.Error(), "framework"); byFramework != (name != "--own") {
			t.Errorf("%s: Init returned %v", name, err)
		}
	}
}

func TestNothingIsPrintedOfWhatIsWrong(t *testing.T) {
	for _, args := range [][]string{{"--nmae=x"}, {"extra"}, {"--registry=nope"}, {"--client_retries=x"}, {"sub", "--nmae"}} {
		arguments(t, args...)
		c := cmd.NewCmd(newParts(t).options()...)
		var printed bytes.Buffer
		c.App().Writer, c.App().ErrWriter = &printed, &printed
		c.App().Commands = []*cli.Command{{Name: "sub", Action: func(*cli.Context) error { return nil }}}
		if err := c.Init(); err == nil || printed.Len() > 0 {
			t.Errorf("%v: Init returned %v and printed %q", args, err, printed.String())
		}
	}
}

func TestHelpChangesNoParts(t *testing.T) {
	for _, args := range [][]string{{"--registry=memory", "--server_name=x", "help"}, {"--server_name=x", "h", "sub"}, {"--server_name=x", "sub", "--help"}} {
		arguments(t, args...)
		p := newParts(t)
		c := cmd.NewCmd(p.options()...)
		c.App().Writer = new(bytes.Buffer)
		c.App().Commands = []*cli.Command{{Name: "sub", Action: func(*cli.Context) error { return nil }}}
		if err := c.Init(); err != nil || !c.(cmd.Answerer).Answered() || p.Server.Options().Name == "x" {
			t.Errorf("%v: Init returned %v, answered %v, the server is %s", args, err, c.(cmd.Answerer).Answered(), p.Server.Options().Name)
		}
	}
}
