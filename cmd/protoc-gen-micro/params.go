package main

import (
	"fmt"
	"go/token"
	"path"
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// defaultRoot is the module that generated code imports the framework from.
const defaultRoot = "github.com/justcy/go-micro/v4"

// params are the parameters of one run.
type params struct {
	root         string
	useGRPC      bool
	importPath   string
	importPrefix string
	paths        string
	module       string
	mapped       map[string]string // .proto file to import path[;package name]
}

// parseParams reads the comma separated parameters of a request. Their order
// makes no difference.
func parseParams(text string) (*params, error) {
	p := &params{root: defaultRoot, mapped: map[string]string{}}
	for param := range strings.SplitSeq(text, ",") {
		if param == "" {
			continue
		}
		key, value, _ := strings.Cut(param, "=")
		if err := p.set(key, value); err != nil {
			return nil, err
		}
	}
	if p.module != "" && p.paths == "source_relative" {
		return nil, fmt.Errorf("parameters module=%s and paths=source_relative exclude each other", p.module)
	}
	return p, nil
}

func (p *params) set(key, value string) error {
	switch key {
	case "paths":
		if value != "import" && value != "source_relative" {
			return fmt.Errorf(`Unknown path type %q: want "import" or "source_relative".`, value)
		}
		p.paths = value
	case "module":
		p.module = value
	case "import_path":
		p.importPath = value
	case "import_prefix":
		p.importPrefix = value
	case "use_grpc":
		on, err := strconv.ParseBool(value)
		p.useGRPC = value != "" && (err != nil || on)
	case "root":
		if value == "" {
			return fmt.Errorf("parameter root: want an import path, for example root=%s", defaultRoot)
		}
		p.root = value
	case "plugins":
	default:
		file, ok := strings.CutPrefix(key, "M")
		if !ok || file == "" || value == "" {
			return fmt.Errorf("unknown parameter %q", key)
		}
		p.mapped[file] = value
	}
	return nil
}

// goPackage is where the Go code of a .proto file lives.
type goPackage struct {
	path string // import path
	name string
}

// resolve finds the Go package of a file. The import path comes from, in this
// order, an M parameter, import_path (for the files to generate), go_package,
// and the folder of the file; the name from go_package, the last part of
// import_path, the proto package, and the name of the file.
func (p *params) resolve(f *descriptorpb.FileDescriptorProto, toGenerate bool) goPackage {
	optionPath, optionName := splitGoPackage(f.GetOptions().GetGoPackage())
	pkg := goPackage{path: optionPath, name: optionName}
	switch mapped := p.mapped[f.GetName()]; {
	case mapped != "":
		var name string
		if pkg.path, name, _ = strings.Cut(mapped, ";"); name != "" {
			pkg.name = name
		}
		return p.named(pkg, f)
	case toGenerate && p.importPath != "":
		pkg.path = p.importPath
		if pkg.name == "" {
			pkg.name = path.Base(p.importPath)
		}
	}
	if pkg.path == "" {
		pkg.path = "./" + path.Dir(f.GetName()) // keeps the folder of the file
	}
	pkg.path = p.importPrefix + pkg.path
	return p.named(pkg, f)
}

func (p *params) named(pkg goPackage, f *descriptorpb.FileDescriptorProto) goPackage {
	switch {
	case pkg.name != "":
	case f.GetPackage() != "":
		pkg.name = f.GetPackage()
	default:
		pkg.name = strings.TrimSuffix(path.Base(f.GetName()), path.Ext(f.GetName()))
	}
	pkg.name = packageName(pkg.name)
	return pkg
}

// splitGoPackage takes the forms path;name, path, and bare name apart.
func splitGoPackage(option string) (importPath, name string) {
	importPath, name, ok := strings.Cut(option, ";")
	switch {
	case ok:
		return importPath, name
	case strings.Contains(option, "/"):
		return option, path.Base(option)
	}
	return "", option
}

// packageName makes an identifier of a name.
func packageName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, name)
	if token.IsKeyword(name) || (name != "" && unicode.IsDigit(rune(name[0]))) {
		name = "_" + name
	}
	return name
}

// protogenParameter spells the parameters for protogen, which wants an import
// path for every file.
func (p *params) protogenParameter(req *pluginpb.CodeGeneratorRequest) *string {
	generated := map[string]bool{}
	for _, name := range req.GetFileToGenerate() {
		generated[name] = true
	}
	var list []string
	if p.paths != "" {
		list = append(list, "paths="+p.paths)
	}
	if p.module != "" {
		list = append(list, "module="+p.module)
	}
	for _, f := range req.GetProtoFile() {
		pkg := p.resolve(f, generated[f.GetName()])
		list = append(list, fmt.Sprintf("M%s=%s;%s", f.GetName(), pkg.path, pkg.name))
	}
	return proto.String(strings.Join(list, ","))
}
