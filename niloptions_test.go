package micro_test

import (
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/config"
	configloader "github.com/justcy/go-micro/v4/config/loader/memory"
	configreader "github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/secrets/box"
	"github.com/justcy/go-micro/v4/config/secrets/secretbox"
	"github.com/justcy/go-micro/v4/config/source/env"
	"github.com/justcy/go-micro/v4/config/source/file"
	configmemory "github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/debug/log"
	logmemory "github.com/justcy/go-micro/v4/debug/log/memory"
	profilehttp "github.com/justcy/go-micro/v4/debug/profile/http"
	"github.com/justcy/go-micro/v4/debug/profile/pprof"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	registrycache "github.com/justcy/go-micro/v4/registry/cache"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/runtime/kubernetes"
	"github.com/justcy/go-micro/v4/runtime/local/build"
	process "github.com/justcy/go-micro/v4/runtime/local/process/os"
	"github.com/justcy/go-micro/v4/runtime/local/source"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/selector/static"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/util/cmd"
	utilhttp "github.com/justcy/go-micro/v4/util/http"
	"github.com/justcy/go-micro/v4/util/pki"
	"github.com/justcy/go-micro/v4/util/pool"
	utilsync "github.com/justcy/go-micro/v4/util/sync"
)

// An option that is made under a condition is nil when it does not hold.
func TestNilOptionsAreSkipped(t *testing.T) {
	service := &registry.Service{Name: "a", Version: "1", Nodes: []*registry.Node{{Id: "a-1", Address: "127.0.0.1:1"}}}
	reg, st := registry.NewMemoryRegistry(nil), store.NewMemoryStore(nil)
	for name, use := range map[string]func() error{
		"micro":           func() error { micro.NewService(inMemory(nil)...).Init(nil); return nil },
		"cmd":             func() error { _ = cmd.NewCmd(nil); return nil },
		"api":             func() error { _ = api.NewOptions(nil); return nil },
		"api/resolver":    func() error { _ = resolver.NewOptions(nil); return nil },
		"api/router":      func() error { _ = router.NewOptions(nil); return nil },
		"auth":            func() error { auth.NewAuth(nil).Init(nil); auth.NewTokenOptions(nil); return nil },
		"auth account":    func() error { _, err := auth.NewAuth().Generate("a", nil); return err },
		"broker":          func() error { return broker.NewBroker(nil).Init(nil) },
		"memory broker":   func() error { return broker.NewMemoryBroker(nil).Init(nil) },
		"cache":           func() error { _ = cache.NewCache(nil); return nil },
		"config":          func() error { c, err := config.NewConfig(nil); return closed(c, err) },
		"config/loader":   func() error { return configloader.NewLoader(nil).Close() },
		"config/reader":   func() error { _ = configreader.NewOptions(nil); return nil },
		"config env":      func() error { _, err := env.NewSource(nil).Read(); return err },
		"config file":     func() error { _ = file.NewSource(nil); return nil },
		"config memory":   func() error { _, err := configmemory.NewSource(nil).Read(); return err },
		"secretbox":       func() error { _ = secretbox.NewSecrets(nil).Init(nil); return nil },
		"box":             func() error { _ = box.NewSecrets(nil).Init(nil); return nil },
		"debug/log":       func() error { _, err := log.NewLog(nil).Read(nil); return err },
		"debug/log mem":   func() error { _, err := logmemory.NewLog(nil).Read(nil); return err },
		"profile http":    func() error { _ = profilehttp.NewProfile(nil); return nil },
		"profile pprof":   func() error { _ = pprof.NewProfile(nil); return nil },
		"tracer":          func() error { _, err := trace.NewTracer(nil).Read(nil); return err },
		"events":          func() error { s, err := events.NewStream(nil); return closed(s, err) },
		"events store":    func() error { return closed(events.NewStore(nil), nil) },
		"logger":          func() error { return logger.NewLogger(nil).Init(nil) },
		"registry":        func() error { return reg.Register(service, nil) },
		"registry get":    func() error { _, err := reg.GetService("a", nil); return err },
		"registry list":   func() error { _, err := reg.ListServices(nil); return err },
		"registry watch":  func() error { w, err := reg.Watch(nil); w.Stop(); return err },
		"registry leave":  func() error { return reg.Deregister(service, nil) },
		"mdns":            func() error { return registry.NewRegistry(nil).Init(nil) },
		"registry/cache":  func() error { registrycache.New(reg, nil).Stop(); return nil },
		"runtime":         func() error { return runtime.NewRuntime(nil).Init(nil) },
		"runtime read":    func() error { _, err := runtime.NewRuntime().Read(nil); return err },
		"runtime default": func() error { return runtime.NewDefault(nil).Init(nil) },
		"runtime build":   func() error { _ = build.NewOptions(nil); return nil },
		"runtime source":  func() error { _ = source.NewOptions(nil); return nil },
		"runtime process": func() error { _ = process.NewProcess(nil); return nil },
		"kubernetes":      func() error { return kubernetes.New(nil, nil).Init(nil) },
		"selector":        func() error { s := selector.NewSelector(nil); _, _ = s.Select("a", nil); return s.Close() },
		"static selector": func() error { return static.NewSelector(nil).Init(nil) },
		"store":           func() error { return st.Write(&store.Record{Key: "a"}, nil) },
		"store read":      func() error { _, err := st.Read("a", nil); return err },
		"store list":      func() error { _, err := st.List(nil); return err },
		"store delete":    func() error { return st.Delete("a", nil) },
		"util/http":       func() error { _ = utilhttp.NewRoundTripper(nil); return nil },
		"util/pki":        func() error { _, _, err := pki.GenerateKey(); return err },
		"util/pki ca":     func() error { _, _, err := pki.CA(nil); return err },
		"util/pool":       func() error { return pool.NewPool(nil).Close() },
		"util/sync":       func() error { return utilsync.NewSync(nil).Init(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("a nil option panics: %v", p)
				}
			}()
			if err := use(); err != nil {
				t.Log(err) // that is about something else
			}
		})
	}
}

// closed closes what was made, if it can be.
func closed(v any, err error) error {
	if c, ok := v.(interface{ Close() error }); ok && err == nil {
		return c.Close()
	}
	return err
}
