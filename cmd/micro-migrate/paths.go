package main

import (
	"runtime/debug"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const (
	oldCore    = "go-micro.dev/v4"
	newCore    = "github.com/justcy/go-micro/v4"
	oldPlugins = "github.com/go-micro/plugins/v4"
	newPlugins = "github.com/justcy/go-micro/plugins/v4"
)

// What this module needs, and programs that share these dependencies with it.
const (
	minGo          = "1.26.0"
	minProtobuf    = "v1.36.12" // of google.golang.org/protobuf
	minOldProtobuf = "v1.5.4"   // of github.com/golang/protobuf: 1.5.3 does not build with the above
)

// builtIn are the plugins that are packages of this module, by their folders,
// which are the same here. docs/migrating.md lists them.
var builtIn = map[string]bool{
	"broker/nats":               true,
	"broker/redis":              true,
	"cache/redis":               true,
	"config/encoder/hcl":        true,
	"config/encoder/toml":       true,
	"config/encoder/xml":        true,
	"config/encoder/yaml":       true,
	"config/source/nats":        true,
	"events/natsjs":             true,
	"events/redis":              true,
	"registry/cache":            true,
	"registry/nats":             true,
	"selector/label":            true,
	"selector/shard":            true,
	"selector/static":           true,
	"store/cockroach":           true,
	"store/file":                true,
	"store/nats-js-kv":          true,
	"store/redis":               true,
	"sync/memory":               true,
	"transport/nats":            true,
	"wrapper/select/roundrobin": true,
	"wrapper/select/version":    true,
}

// beside are the plugins that are packages of this project's module of plugins, in
// the same folders.
var beside = map[string]bool{
	"config/source/etcd":            true,
	"registry/etcd":                 true,
	"sync/etcd":                     true,
	"wrapper/monitoring/prometheus": true,
	"wrapper/trace/opentelemetry":   true,
}

// paths says what becomes of an import path.
type paths struct {
	plugins string // where plugins are that are not built in; empty if nowhere
}

// of returns the path that replaces p. It is p itself for a plugin that is
// nowhere, and for whatever has nothing to do with go-micro.
func (m paths) of(p string) string {
	if rest, ok := below(p, oldCore); ok {
		return newCore + rest
	}
	rest, ok := below(p, oldPlugins)
	folder := strings.TrimPrefix(rest, "/")
	switch {
	case ok && builtIn[folder]:
		return newCore + rest
	case ok && beside[folder]:
		return newPlugins + rest
	case ok && m.plugins != "":
		return m.plugins + rest
	}
	return p
}

// below returns what of p comes after root, if p is root or a path below it.
func below(p, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(p, root)
	return rest, ok && (rest == "" || rest[0] == '/')
}

func isPlugin(p string) bool {
	_, ok := below(p, oldPlugins)
	return ok
}

// releaseVersion is the version of this module that the program comes from, or
// the first one if it was built from a working copy.
func releaseVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == newCore {
		v := info.Main.Version
		if semver.IsValid(v) && semver.Build(v) == "" && !module.IsPseudoVersion(v) {
			return v
		}
	}
	return "v4.0.0"
}
