package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// project copies the sample project, and files by their names beside it.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/project")); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// migrate runs the program on a folder and returns what it said.
func migrate(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(args, &stdout, &stderr); status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d: %s", status, &stderr)
	}
	return stdout.String()
}

// content is all files of a folder in one text.
func content(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all.WriteString("-- " + path + "\n" + string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func readFile(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// inThisModule makes the migrated project build against this working copy.
func inThisModule(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums := readFile(t, root, "go.sum")
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), []byte(sums), 0o644); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, "mod", "edit", "-replace", newCore+"="+root, "-droprequire", "github.com/golang/protobuf")
}

func TestAMigratedProjectCompiles(t *testing.T) {
	dir := project(t, nil)
	migrate(t, dir)
	inThisModule(t, dir)
	goCommand(t, dir, "vet", "./...")
}

// The services behind a gateway are as the examples of go-micro v4, which redirect,
// call nodes in turn and by a key; the last is a plugin that gets certificates.
func TestWhatIsWrittenForTheGatewayCompilesAfterTheMove(t *testing.T) {
	dir := project(t, nil)
	if err := os.CopyFS(dir, os.DirFS("testdata/gateway")); err != nil {
		t.Fatal(err)
	}
	migrate(t, dir)
	inThisModule(t, dir)
	goCommand(t, dir, "vet", "./redirect", "./roundrobin", "./sharding", "./certificates")
}

func TestTheModuleRequiresThisOneAndWhatItNeeds(t *testing.T) {
	dir := project(t, nil)
	said := migrate(t, "-version", "v4.1.2", dir)
	want := `module example.com/shop

go 1.26.0

require (
	github.com/justcy/go-micro/v4 v4.1.2
	google.golang.org/protobuf v1.36.12
)

require github.com/golang/protobuf v1.5.4 // indirect
`
	if got := readFile(t, dir, "go.mod"); got != want {
		t.Errorf("go.mod is\n%s", got)
	}
	for _, line := range []string{
		"rewrote " + filepath.Join(dir, "main.go"),
		"rewrote 11 imports in 4 files",
		"dropped the replacement " + filepath.Join(dir, "go.mod") + ": go-micro.dev/v4 => ../go-micro",
		"look at " + filepath.Join(dir, "Makefile") + ":2: go install github.com/go-micro/generator/cmd/protoc-gen-micro@latest",
		"look at " + filepath.Join(dir, "handler", "greeter.go") + `:10: // Greeter greets. It was written for "go-micro.dev/v4".`,
		"next: go mod tidy",
	} {
		if !strings.Contains(said, line+"\n") {
			t.Errorf("it did not say %q but\n%s", line, said)
		}
	}
}

func TestASecondRunChangesNothing(t *testing.T) {
	dir := project(t, map[string]string{"go.work": "go 1.18\n\nuse .\n"})
	migrate(t, dir)
	before := content(t, dir)
	if said := migrate(t, dir); !strings.Contains(said, "rewrote 0 imports in 0 files\n") {
		t.Errorf("it said %s", said)
	}
	if content(t, dir) != before {
		t.Error("files changed")
	}
	if !strings.Contains(before, "go 1.26.0\n\nuse .\n") {
		t.Error("go.work still has the old version of Go")
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	dir := project(t, nil)
	before := content(t, dir)
	if said := migrate(t, "-n", dir); !strings.Contains(said, "would rewrite 11 imports in 4 files\n") {
		t.Errorf("it said %s", said)
	}
	if content(t, dir) != before {
		t.Error("files changed")
	}
}

func TestNothingIsWrittenWhenAFileCannotBeRead(t *testing.T) {
	for name, file := range map[string]string{"zz/broken.go": "package broken\n\nimport (\n", "zz/go.mod": "modul x\n"} {
		dir := project(t, map[string]string{name: file})
		before := content(t, dir)
		var stdout, stderr bytes.Buffer
		if status := run([]string{dir}, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), filepath.FromSlash(name)) {
			t.Errorf("%s: status %d, %s", name, status, &stderr)
		}
		if content(t, dir) != before {
			t.Errorf("%s: files changed", name)
		}
	}
}

func TestOnlyImportsOfGoFilesAreTouched(t *testing.T) {
	const odd = "// +build old\r\n\npackage  odd\nimport m   \"go-micro.dev/v4\"; import _ `go-micro.dev/v4/client`\nvar text = \"go-micro.dev/v4\"\nfunc  f( ) { syntax error }\n"
	const other = "package other\n\nimport (\n\t_ \"go-micro.dev/v4other\"\n\t_ \"example.com/go-micro.dev/v4\"\n)\n"
	dir := project(t, map[string]string{
		"odd.go": odd, "other.go": other,
		"vendor/go-micro.dev/v4/micro.go": odd, ".git/x.go": odd, "_old/x.go": odd, "web/node_modules/x.go": odd,
	})
	said := migrate(t, dir)
	want := strings.Replace(strings.Replace(odd, `m   "go-micro.dev/v4"`, `m   "github.com/justcy/go-micro/v4"`, 1), "`go-micro.dev/v4/client`", `"github.com/justcy/go-micro/v4/client"`, 1)
	if got := readFile(t, dir, "odd.go"); got != want {
		t.Errorf("got %s", got)
	}
	if got := readFile(t, dir, "other.go"); got != other {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{"vendor/go-micro.dev/v4/micro.go", ".git/x.go", "_old/x.go", "web/node_modules/x.go"} {
		if got := readFile(t, dir, name); got != odd {
			t.Errorf("%s changed", name)
		}
	}
	if !strings.Contains(said, "go mod vendor") {
		t.Errorf("it said %s", said)
	}
}

func TestPluginsWithoutAPackageHereAreLeftAndTold(t *testing.T) {
	const file = "package consul\n\nimport (\n\t\"context\"\n\n\t\"github.com/go-micro/plugins/v4/registry/consul\"\n\t_ \"github.com/go-micro/plugins/v4/registry/cache\"\n)\n\nvar _ = consul.NewRegistry\nvar _ context.Context\n"
	const module = "module example.com/consul\n\ngo 1.27\n\ntoolchain go1.27.1\n\nrequire (\n\tgithub.com/go-micro/plugins/v4/registry/cache v1.0.0\n\tgithub.com/go-micro/plugins/v4/registry/consul v1.1.0\n)\n"
	dir := project(t, map[string]string{"consul/consul.go": file, "consul/go.mod": module})
	said := migrate(t, "-version", "v4.0.0", dir)
	if !strings.Contains(said, "left github.com/go-micro/plugins/v4/registry/consul, imported in "+filepath.Join(dir, "consul", "consul.go")+":") {
		t.Errorf("it said %s", said)
	}
	if got := readFile(t, dir, "consul/consul.go"); !strings.Contains(got, `"github.com/go-micro/plugins/v4/registry/consul"`) || !strings.Contains(got, `"github.com/justcy/go-micro/v4/registry/cache"`) {
		t.Errorf("got %s", got)
	}
	want := "module example.com/consul\n\ngo 1.27\n\ntoolchain go1.27.1\n\nrequire (\n\tgithub.com/go-micro/plugins/v4/registry/consul v1.1.0\n\tgithub.com/justcy/go-micro/v4 v4.0.0\n)\n"
	if got := readFile(t, dir, "consul/go.mod"); got != want {
		t.Errorf("go.mod is %s", got)
	}

	said = migrate(t, "-plugins", "example.com/shop/plugins/", dir)
	if got := readFile(t, dir, "consul/consul.go"); !strings.Contains(got, `"example.com/shop/plugins/registry/consul"`) {
		t.Errorf("got %s", got)
	}
	if got := readFile(t, dir, "consul/go.mod"); strings.Contains(got, oldPlugins) {
		t.Errorf("go.mod is %s", got)
	}
	if strings.Contains(said, "left ") {
		t.Errorf("it said %s", said)
	}
}

func TestPluginsOfTheModuleBesideThisOneAreFoundThere(t *testing.T) {
	for folder := range beside {
		file := fmt.Sprintf("package shop\n\nimport _ %q\n", oldPlugins+"/"+folder)
		dir := project(t, map[string]string{"shop/shop.go": file})
		for _, args := range [][]string{{dir}, {"-plugins", "example.com/shop/plugins", dir}} {
			if said := migrate(t, args...); strings.Contains(said, "left ") {
				t.Errorf("%s: it said %s", folder, said)
			}
			if got := readFile(t, dir, "shop/shop.go"); !strings.Contains(got, `"github.com/justcy/go-micro/plugins/v4/`+folder+`"`) {
				t.Errorf("%s: got %s", folder, got)
			}
		}
	}
}

func TestEveryPackageOfTheModuleOfPluginsIsKnown(t *testing.T) {
	const root = "../../plugins"
	files, err := filepath.Glob(root + "/*/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(root + "/*/*/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, deeper...) {
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		folder = filepath.ToSlash(folder)
		if strings.HasPrefix(folder, "examples/") || strings.HasPrefix(folder, "integration/") || strings.HasPrefix(folder, "internal/") {
			continue
		}
		if !beside[folder] {
			t.Errorf("micro-migrate does not know the plugin %s", folder)
		}
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
		said   string
	}{
		{[]string{"a", "b"}, 2, "one folder"},
		{[]string{"-x"}, 2, "-x"},
		{[]string{"/no/such/folder"}, 1, "/no/such/folder"},
		{[]string{"-version", "latest", "."}, 2, "latest"},
		{[]string{"-h"}, 0, "-plugins"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(tt.args, &stdout, &stderr); status != tt.status || !strings.Contains(stderr.String(), tt.said) {
			t.Errorf("%q: status %d, %s", tt.args, status, &stderr)
		}
	}
}

// What the program knows of this module is written in the module, too.
func TestWhatIsKnownOfThisModuleIsTrue(t *testing.T) {
	module := readFile(t, "../../go.mod")
	for _, line := range []string{"\ngo " + minGo + "\n", "\tgoogle.golang.org/protobuf " + minProtobuf + "\n"} {
		if !strings.Contains(module, line) {
			t.Errorf("go.mod does not say %q", line)
		}
	}
	guide := readFile(t, "../../docs/migrating.md")
	for root, folders := range map[string]map[string]bool{"../..": builtIn, "../../plugins": beside} {
		for folder := range folders {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(folder))); err != nil {
				t.Error(err)
			}
			if !strings.Contains(guide, "`"+folder+"`") {
				t.Errorf("docs/migrating.md does not name the plugin %s", folder)
			}
		}
	}
}

func FuzzRewriteImports(f *testing.F) {
	for _, name := range []string{"main.go", "proto/greeter.pb.micro.go"} {
		src, err := os.ReadFile(filepath.Join("testdata/project", filepath.FromSlash(name)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		out, found, err := rewriteImports("x.go", src, paths{})
		if err != nil {
			return
		}
		again, more, err := rewriteImports("x.go", out, paths{})
		if err != nil || more.changed > 0 || !bytes.Equal(again, out) {
			t.Fatalf("%d imports became %q, then %v, %d", found.changed, out, err, more.changed)
		}
	})
}
