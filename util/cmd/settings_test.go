package cmd_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// setting is one flag: how it shows in the parts, and how code sets it.
type setting struct {
	flag       string
	given      string // on the command line and in the environment
	want       any
	get        func(*parts) any
	code       func(*parts) error // sets it to something else; nil if code cannot
	byCode     any
	byFlagZero string // a value that means nothing was given
}

func joined(s []string) any { return strings.Join(s, " ") }

func settings() []setting {
	return []setting{
		{flag: "client_request_timeout", given: "7s", want: 7 * time.Second,
			get:  func(p *parts) any { return p.Client.Options().CallOptions.RequestTimeout },
			code: func(p *parts) error { return p.Client.Init(client.RequestTimeout(time.Hour)) }, byCode: time.Hour, byFlagZero: ""},
		{flag: "client_retries", given: "0", want: 0,
			get:  func(p *parts) any { return p.Client.Options().CallOptions.Retries },
			code: func(p *parts) error { return p.Client.Init(client.Retries(17)) }, byCode: 17, byFlagZero: "-1"},
		{flag: "client_pool_size", given: "13", want: 13,
			get:  func(p *parts) any { return p.Client.Options().PoolSize },
			code: func(p *parts) error { return p.Client.Init(client.PoolSize(17)) }, byCode: 17, byFlagZero: "0"},
		{flag: "client_pool_ttl", given: "9m", want: 9 * time.Minute,
			get:  func(p *parts) any { return p.Client.Options().PoolTTL },
			code: func(p *parts) error { return p.Client.Init(client.PoolTTL(time.Hour)) }, byCode: time.Hour},
		{flag: "register_ttl", given: "7", want: 7 * time.Second,
			get:  func(p *parts) any { return p.Server.Options().RegisterTTL },
			code: func(p *parts) error { return p.Server.Init(server.RegisterTTL(time.Hour)) }, byCode: time.Hour, byFlagZero: "-1"},
		{flag: "register_interval", given: "0", want: time.Duration(0),
			get:  func(p *parts) any { return p.Server.Options().RegisterInterval },
			code: func(p *parts) error { return p.Server.Init(server.RegisterInterval(time.Hour)) }, byCode: time.Hour, byFlagZero: "-1"},
		{flag: "server_name", given: "shop", want: "shop",
			get:  func(p *parts) any { return p.Server.Options().Name },
			code: func(p *parts) error { return p.Server.Init(server.Name("code")) }, byCode: "code"},
		{flag: "server_version", given: "1.1", want: "1.1",
			get:  func(p *parts) any { return p.Server.Options().Version },
			code: func(p *parts) error { return p.Server.Init(server.Version("code")) }, byCode: "code"},
		{flag: "server_id", given: "one", want: "one",
			get:  func(p *parts) any { return p.Server.Options().Id },
			code: func(p *parts) error { return p.Server.Init(server.Id("code")) }, byCode: "code"},
		{flag: "server_address", given: "127.0.0.1:9", want: "127.0.0.1:9",
			get:  func(p *parts) any { return p.Server.Options().Address },
			code: func(p *parts) error { return p.Server.Init(server.Address("code")) }, byCode: "code"},
		{flag: "server_advertise", given: "a:9", want: "a:9",
			get:  func(p *parts) any { return p.Server.Options().Advertise },
			code: func(p *parts) error { return p.Server.Init(server.Advertise("code")) }, byCode: "code"},
		{flag: "server_metadata", given: "a=b=c,d", want: "b=c|",
			get: func(p *parts) any {
				md := p.Server.Options().Metadata
				if !slices.Equal(slices.Sorted(maps.Keys(md)), []string{"a", "d"}) {
					return md["k"]
				}
				return md["a"] + "|" + md["d"]
			},
			code: func(p *parts) error { return p.Server.Init(server.Metadata(map[string]string{"k": "code"})) }, byCode: "code"},
		{flag: "broker_address", given: "a,b", want: "a b",
			get:  func(p *parts) any { return joined(p.Broker.Options().Addrs) },
			code: func(p *parts) error { return p.Broker.Init(broker.Addrs("code")) }, byCode: "code"},
		{flag: "registry_address", given: "a,b", want: "a b",
			get:  func(p *parts) any { return joined(p.Registry.Options().Addrs) },
			code: func(p *parts) error { return p.Registry.Init(registry.Addrs("code")) }, byCode: "code"},
		{flag: "transport_address", given: "a,b", want: "a b",
			get:  func(p *parts) any { return joined(p.Transport.Options().Addrs) },
			code: func(p *parts) error { return p.Transport.Init(transport.Addrs("code")) }, byCode: "code"},
		{flag: "store_address", given: "a,b", want: "a b",
			get:  func(p *parts) any { return joined(p.Store.Options().Nodes) },
			code: func(p *parts) error { return p.Store.Init(store.Nodes("code")) }, byCode: "code"},
		{flag: "store_database", given: "shop", want: "shop",
			get:  func(p *parts) any { return p.Store.Options().Database },
			code: func(p *parts) error { return p.Store.Init(store.Database("code")) }, byCode: "code"},
		{flag: "store_table", given: "orders", want: "orders",
			get:  func(p *parts) any { return p.Store.Options().Table },
			code: func(p *parts) error { return p.Store.Init(store.Table("code")) }, byCode: "code"},
		{flag: "runtime_source", given: "github.com/a/b", want: "github.com/a/b",
			get:  func(p *parts) any { return p.Runtime.(*recordingRuntime).source },
			code: func(p *parts) error { return p.Runtime.Init(runtime.WithSource("code")) }, byCode: "code"},
		{flag: "auth_id", given: "me", want: "me",
			get:  func(p *parts) any { return p.Auth.Options().ID },
			code: func(p *parts) error { p.Auth.Init(auth.Credentials("code", "")); return nil }, byCode: "code"},
		{flag: "auth_secret", given: "me", want: "me",
			get:  func(p *parts) any { return p.Auth.Options().Secret },
			code: func(p *parts) error { p.Auth.Init(auth.Credentials("", "code")); return nil }, byCode: "code"},
		{flag: "auth_namespace", given: "shop", want: "shop",
			get:  func(p *parts) any { return p.Auth.Options().Namespace },
			code: func(p *parts) error { p.Auth.Init(auth.Namespace("code")); return nil }, byCode: "code"},
		{flag: "auth_public_key", given: "key", want: "key",
			get:  func(p *parts) any { return p.Auth.Options().PublicKey },
			code: func(p *parts) error { p.Auth.Init(auth.PublicKey("code")); return nil }, byCode: "code"},
		{flag: "auth_private_key", given: "key", want: "key",
			get:  func(p *parts) any { return p.Auth.Options().PrivateKey },
			code: func(p *parts) error { p.Auth.Init(auth.PrivateKey("code")); return nil }, byCode: "code"},
	}
}

// recordingRuntime keeps the source it is told.
type recordingRuntime struct {
	runtime.Runtime
	source string
}

func (r *recordingRuntime) Init(opts ...runtime.Option) error {
	var o runtime.Options
	for _, option := range opts {
		option(&o)
	}
	r.source = o.Source
	return nil
}

// recorded returns parts whose settings can all be seen.
func recorded(t testing.TB) *parts {
	p := newParts(t)
	p.Runtime = &recordingRuntime{Runtime: p.Runtime}
	return p
}

// TestFlagDefaultsDoNotOverrideCode checks the whole precedence of every setting: a
// flag wins over its variable, that over the code, and that over defaults.
func TestFlagDefaultsDoNotOverrideCode(t *testing.T) {
	for _, s := range settings() {
		t.Run(s.flag, func(t *testing.T) {
			check := func(how string, want any, set func(*parts) error, args ...string) {
				t.Helper()
				p := recorded(t)
				if set != nil {
					if err := set(p); err != nil {
						t.Fatal(err)
					}
				}
				if err := p.run(t, nil, args...); err != nil {
					t.Fatal(err)
				}
				if got := s.get(p); got != want {
					t.Errorf("%s: it is %v, want %v", how, got, want)
				}
			}
			check("by flag", s.want, nil, "--"+s.flag, s.given)
			check("by code", s.byCode, s.code)
			check("flag over code", s.want, s.code, "--"+s.flag, s.given)
			check("nothing over code", s.byCode, s.code, "--"+s.flag+"="+s.byFlagZero)

			t.Setenv(environment(s.flag), s.given)
			check("by variable", s.want, nil)
			check("variable over code", s.want, s.code)
			t.Setenv(environment(s.flag), other(s.given))
			check("flag over variable", s.want, nil, "--"+s.flag, s.given)
		})
	}
}

// other is a value of the same kind.
func other(value string) string {
	switch {
	case strings.HasSuffix(value, "s") && value != "a,b" || strings.HasSuffix(value, "m"):
		if _, err := time.ParseDuration(value); err == nil {
			return "1h"
		}
	case strings.Trim(value, "0123456789") == "":
		return "99"
	}
	return "other"
}

func TestEveryFlagHasATest(t *testing.T) {
	tested := map[string]bool{"tracer_address": true} // which is declared, and not used
	for _, s := range settings() {
		tested[s.flag] = true
	}
	for part := range newParts(t).names() {
		tested[part] = true
	}
	for _, f := range cmd.DefaultFlags {
		name := f.Names()[0]
		if !tested[name] {
			t.Errorf("the flag %s has no test", name)
		}
		delete(tested, name)
		if env := f.(interface{ GetEnvVars() []string }).GetEnvVars(); !slices.Equal(env, []string{environment(name)}) {
			t.Errorf("the variables of %s are %v", name, env)
		}
	}
	if len(tested) > 0 {
		t.Errorf("there is no flag for %v", tested)
	}
}

func TestFlagsThatWereNotGivenLeaveTheDefaults(t *testing.T) {
	p := recorded(t)
	if err := p.run(t, others(), "--auth=other", "--tracer_address=ignored"); err != nil {
		t.Fatal(err)
	}
	o := p.Server.Options()
	if o.RegisterTTL != time.Minute || o.RegisterInterval != 30*time.Second {
		t.Errorf("a service registers for %v, every %v", o.RegisterTTL, o.RegisterInterval)
	}
	if got := p.Client.Options().CallOptions.Retries; got != client.DefaultRetries {
		t.Errorf("there are %d retries", got)
	}
	if got := p.Auth.Options().Namespace; got != "go.micro" {
		t.Errorf("the namespace of an auth that was chosen is %q", got)
	}
	if got := p.Runtime.(*recordingRuntime).source; got != "" {
		t.Errorf("the runtime of the code has the source %q", got)
	}
}

func TestChosenRuntimeHasTheDefaultSource(t *testing.T) {
	p := newParts(t)
	r := &recordingRuntime{}
	known := func(o *cmd.Options) {
		o.Runtimes["recording"] = func(...runtime.Option) runtime.Runtime { return r }
	}
	if err := p.run(t, []cmd.Option{known}, "--runtime=recording"); err != nil || r.source != "github.com/micro/services" {
		t.Errorf("the source is %q, %v", r.source, err)
	}
}

func TestAuthFlagsConfigureTheCurrentAuth(t *testing.T) {
	p := newParts(t)
	before := p.Auth
	if err := p.run(t, nil, "--auth_id=me", "--auth_secret=secret", "--auth_namespace=shop"); err != nil {
		t.Fatal(err)
	}
	if o := p.Auth.Options(); p.Auth != before || o.ID != "me" || o.Secret != "secret" || o.Namespace != "shop" {
		t.Errorf("the auth has %+v", o)
	}
	if err := p.run(t, others(), "--auth=other", "--auth_public_key=public"); err != nil || p.Auth.Options().PublicKey != "public" {
		t.Errorf("an auth that was chosen has %+v, %v", p.Auth.Options(), err)
	}
}

func TestAFlagThatCannotBeReadIsNamedWithItsOrigin(t *testing.T) {
	for _, tt := range []struct{ flag, value, want string }{
		{"client_request_timeout", "soon", "failed to parse client_request_timeout: soon"},
		{"client_pool_ttl", "5", "failed to parse client_pool_ttl: 5"},
		{"client_retries", "many", "client_retries"},
		{"client_pool_size", "1.5", "client_pool_size"},
		{"register_ttl", "1m", "register_ttl"},
		{"register_interval", "x", "register_interval"},
	} {
		if err := newParts(t).run(t, nil, "--"+tt.flag, tt.value); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("--%s %s: %v, want %q", tt.flag, tt.value, err, tt.want)
		}
		t.Run(tt.flag, func(t *testing.T) {
			t.Setenv(environment(tt.flag), tt.value)
			if err := newParts(t).run(t, nil); err == nil || !strings.Contains(err.Error(), tt.flag) && !strings.Contains(err.Error(), environment(tt.flag)) {
				t.Errorf("%s=%s: %v", environment(tt.flag), tt.value, err)
			}
		})
	}
}

// Parts whose Init fails.
type (
	badBroker    struct{ broker.Broker }
	badRegistry  struct{ registry.Registry }
	badTransport struct{ transport.Transport }
	badStore     struct{ store.Store }
	badServer    struct{ server.Server }
	badClient    struct{ client.Client }
	badRuntime   struct{ runtime.Runtime }
)

var errBad = errors.New("it does not work")

func (badBroker) Init(...broker.Option) error       { return errBad }
func (badRegistry) Init(...registry.Option) error   { return errBad }
func (badTransport) Init(...transport.Option) error { return errBad }
func (badStore) Init(...store.Option) error         { return errBad }
func (badServer) Init(...server.Option) error       { return errBad }
func (badClient) Init(...client.Option) error       { return errBad }
func (badRuntime) Init(...runtime.Option) error     { return errBad }

func TestAFailedInitIsReturned(t *testing.T) {
	for _, tt := range []struct {
		part, flag string
		spoil      func(*parts)
	}{
		{"broker", "broker_address", func(p *parts) { p.Broker = badBroker{p.Broker} }},
		{"registry", "registry_address", func(p *parts) { p.Registry = badRegistry{p.Registry} }},
		{"transport", "transport_address", func(p *parts) { p.Transport = badTransport{p.Transport} }},
		{"store", "store_address", func(p *parts) { p.Store = badStore{p.Store} }},
		{"server", "server_name", func(p *parts) { p.Server = badServer{p.Server} }},
		{"client", "client_pool_ttl", func(p *parts) { p.Client = badClient{p.Client} }},
		{"runtime", "runtime_source", func(p *parts) { p.Runtime = badRuntime{p.Runtime} }},
	} {
		p := newParts(t)
		tt.spoil(p)
		if err := p.run(t, nil, "--"+tt.flag, "1s"); !errors.Is(err, errBad) || !strings.HasPrefix(err.Error(), "Error configuring "+tt.part+": ") {
			t.Errorf("%s: %v", tt.part, err)
		}
	}
}
