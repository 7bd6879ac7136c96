package main

import (
	"errors"
	"fmt"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// generate answers a request. An error means that the request is at fault.
func generate(req *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	if len(req.GetFileToGenerate()) == 0 {
		return nil, errors.New("no files to generate")
	}
	p, err := parseParams(req.GetParameter())
	if err != nil {
		return nil, err
	}
	req.Parameter = p.protogenParameter(req)
	plugin, err := protogen.Options{}.New(req)
	if err != nil {
		return nil, err
	}
	plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS)
	plugin.SupportedEditionsMinimum = descriptorpb.Edition_EDITION_PROTO2
	plugin.SupportedEditionsMaximum = descriptorpb.Edition_EDITION_2024
	if err := checkNames(plugin); err != nil {
		return nil, err
	}
	rules, err := newHTTPRules(plugin)
	if err != nil {
		return nil, err
	}
	for _, file := range plugin.Files {
		if !file.Generate || len(file.Services) == 0 {
			continue
		}
		endpoints, err := rules.endpoints(file)
		if err != nil {
			return nil, err
		}
		generateFile(plugin, file, p, endpoints)
	}
	return plugin.Response(), nil
}

// generator writes the code for the services of one file.
type generator struct {
	*protogen.GeneratedFile
	source  *protogen.File
	params  *params
	http    map[*protogen.Method]*endpoint // the annotated methods
	aliases map[string]bool                // names of the imported packages
	used    map[protogen.GoImportPath]bool // packages that the code names
}

// generateFile writes the file of a source. Names in the code depend on the
// packages that it imports, and those on the code: so the code is written twice,
// the first time to see which packages it names.
func generateFile(plugin *protogen.Plugin, file *protogen.File, p *params, http map[*protogen.Method]*endpoint) {
	draft := newGenerator(plugin, file, p, http)
	draft.file()
	draft.Skip()
	g := newGenerator(plugin, file, p, http)
	for _, ident := range g.mayUse() {
		if !draft.used[ident.GoImportPath] {
			continue
		}
		if alias, _, ok := strings.Cut(g.QualifiedGoIdent(ident), "."); ok {
			g.aliases[alias] = true
		}
	}
	g.file()
}

func newGenerator(plugin *protogen.Plugin, file *protogen.File, p *params, http map[*protogen.Method]*endpoint) *generator {
	return &generator{
		GeneratedFile: plugin.NewGeneratedFile(file.GeneratedFilenamePrefix+".pb.micro.go", file.GoImportPath),
		source:        file,
		params:        p,
		http:          http,
		aliases:       map[string]bool{},
		used:          map[protogen.GoImportPath]bool{},
	}
}

// mayUse lists what the code may name of other packages. Those that come first
// keep their names when two packages have the same.
func (g *generator) mayUse() []protogen.GoIdent {
	idents := []protogen.GoIdent{
		{GoImportPath: "context", GoName: "Context"},
		g.framework("api", "Endpoint"),
		g.framework("client", "Client"),
		g.framework("server", "Server"),
	}
	for _, service := range g.source.Services {
		for _, method := range service.Methods {
			idents = append(idents, method.Input.GoIdent, method.Output.GoIdent)
		}
	}
	return idents
}

func (g *generator) framework(pkg, name string) protogen.GoIdent {
	return protogen.GoImportPath(g.params.root + "/" + pkg).Ident(name)
}

// use imports the package of ident and returns the qualified name of ident. It is
// called for what is written alone.
func (g *generator) use(ident protogen.GoIdent) string {
	g.used[ident.GoImportPath] = true
	return g.QualifiedGoIdent(ident)
}

func (g *generator) message(m *protogen.Message) string { return g.use(m.GoIdent) }

func (g *generator) context() string {
	return g.use(protogen.GoIdent{GoImportPath: "context", GoName: "Context"})
}

func (g *generator) endpoint() string         { return g.use(g.framework("api", "Endpoint")) }
func (g *generator) withEndpoint() string     { return g.use(g.framework("api", "WithEndpoint")) }
func (g *generator) client() string           { return g.use(g.framework("client", "Client")) }
func (g *generator) clientStreamType() string { return g.use(g.framework("client", "Stream")) }
func (g *generator) callOption() string       { return g.use(g.framework("client", "CallOption")) }
func (g *generator) server() string           { return g.use(g.framework("server", "Server")) }
func (g *generator) serverStreamType() string { return g.use(g.framework("server", "Stream")) }
func (g *generator) handlerOption() string    { return g.use(g.framework("server", "HandlerOption")) }
func (g *generator) unaryMethod() string      { return g.use(g.framework("server", "UnaryMethod")) }
func (g *generator) streamMethod() string     { return g.use(g.framework("server", "StreamMethod")) }

// local is a name for a local variable, a parameter or an unexported type: name
// itself unless it is a keyword or would hide an imported package.
func (g *generator) local(name string) string {
	for token.IsKeyword(name) || g.aliases[name] {
		name += "_"
	}
	return name
}

func (g *generator) file() {
	g.header()
	for _, service := range g.source.Services {
		g.service(service)
	}
}

func (g *generator) header() {
	g.P("// Code generated by protoc-gen-micro. DO NOT EDIT.")
	g.P("// versions:")
	g.P("// - protoc-gen-micro ", version)
	if g.source.Proto.GetOptions().GetDeprecated() {
		g.P("// ", g.source.Desc.Path(), " is a deprecated file.")
	} else {
		g.P("// source: ", g.source.Desc.Path())
	}
	g.P()
	const packageField = 2 // of FileDescriptorProto
	if doc := g.source.Desc.SourceLocations().ByPath(protoreflect.SourcePath{packageField}).LeadingComments; doc != "" {
		g.P(strings.TrimSuffix(protogen.Comments(doc).String(), "\n"))
	}
	g.P("package ", g.source.GoPackageName)
	g.P()
}

// comment writes leading comments, and the mark of what is deprecated.
func (g *generator) comment(leading protogen.Comments, deprecated bool) {
	text := strings.TrimSuffix(leading.String(), "\n")
	if text != "" {
		g.P(text)
	}
	if deprecated && !strings.Contains(text, "Deprecated:") {
		if text != "" {
			g.P("//")
		}
		g.P("// Deprecated: Do not use.")
	}
}

// lowerFirst lowers the first letter of a name.
func lowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

// at is the place of a descriptor in its file, for error messages.
func at(d protoreflect.Descriptor) string {
	location := d.ParentFile().SourceLocations().ByDescriptor(d)
	return fmt.Sprintf("%s:%d", d.ParentFile().Path(), location.StartLine+1)
}
