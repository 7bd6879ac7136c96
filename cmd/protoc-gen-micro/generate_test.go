package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// request asks for the given files of the compiled golden set.
func request(t testing.TB, parameter string, files ...string) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	data, err := os.ReadFile("internal/golden/golden.binpb")
	if err != nil {
		t.Fatal(err)
	}
	set := new(descriptorpb.FileDescriptorSet)
	if err := proto.Unmarshal(data, set); err != nil {
		t.Fatal(err)
	}
	return &pluginpb.CodeGeneratorRequest{Parameter: &parameter, FileToGenerate: files, ProtoFile: set.File}
}

// answer runs the plugin as protoc does, through its streams.
func answer(t testing.TB, req *pluginpb.CodeGeneratorRequest) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	in, err := proto.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	rsp := new(pluginpb.CodeGeneratorResponse)
	if err := proto.Unmarshal(out.Bytes(), rsp); err != nil {
		t.Fatal(err)
	}
	return rsp
}

// only is the one file that a request generates.
func only(t *testing.T, parameter string, file string) (name, content string) {
	t.Helper()
	rsp := answer(t, request(t, parameter, file))
	if rsp.GetError() != "" || len(rsp.GetFile()) != 1 {
		t.Fatalf("got error %q and %d files, want one file", rsp.GetError(), len(rsp.GetFile()))
	}
	return rsp.GetFile()[0].GetName(), rsp.GetFile()[0].GetContent()
}

func TestGeneratedCodeIsAsRecorded(t *testing.T) {
	files := []string{"kinds/kinds.proto", "names/names.proto", "legacy/legacy.proto", "client/client.proto", "plain/plain.proto"}
	rsp := answer(t, request(t, "paths=source_relative", files...))
	if rsp.GetError() != "" {
		t.Fatal(rsp.GetError())
	}
	var names []string
	for _, f := range rsp.GetFile() {
		names = append(names, f.GetName())
		want, err := os.ReadFile(filepath.Join("internal/golden", f.GetName()))
		if err != nil {
			t.Fatal(err)
		}
		if f.GetContent() != string(want) {
			t.Errorf("%s is not what is recorded; run make generate and look at the difference", f.GetName())
		}
	}
	slices.Sort(names)
	want := []string{"kinds/kinds.pb.micro.go", "legacy/legacy.pb.micro.go", "names/names.pb.micro.go"}
	if !slices.Equal(names, want) {
		t.Errorf("generated %q, want %q: files without services give none", names, want)
	}
}

func TestSeveralGoPackagesInOneRun(t *testing.T) {
	rsp := answer(t, request(t, "", "kinds/kinds.proto", "legacy/legacy.proto"))
	if rsp.GetError() != "" || len(rsp.GetFile()) != 2 {
		t.Errorf("got error %q and %d files, want two files", rsp.GetError(), len(rsp.GetFile()))
	}
}

func TestOutputIsDeterministic(t *testing.T) {
	_, first := only(t, "", "kinds/kinds.proto")
	for range 10 {
		if _, again := only(t, "", "kinds/kinds.proto"); again != first {
			t.Fatal("two runs differ")
		}
	}
}

func TestParametersChooseTheNameOfTheFile(t *testing.T) {
	const golden = "github.com/justcy/go-micro/v4/cmd/protoc-gen-micro/internal/golden/"
	for _, tt := range []struct{ parameter, want string }{
		{"", golden + "kinds/kinds.pb.micro.go"},
		{"paths=import", golden + "kinds/kinds.pb.micro.go"},
		{"paths=source_relative", "kinds/kinds.pb.micro.go"},
		{"module=github.com/justcy/go-micro/v4", "cmd/protoc-gen-micro/internal/golden/kinds/kinds.pb.micro.go"},
		{"Mkinds/kinds.proto=example.com/mapped;k", "example.com/mapped/kinds.pb.micro.go"},
		{"import_path=example.com/given", "example.com/given/kinds.pb.micro.go"},
		{"import_prefix=example.com/", "example.com/" + golden + "kinds/kinds.pb.micro.go"},
		{"plugins=micro+other", golden + "kinds/kinds.pb.micro.go"},
	} {
		t.Run(tt.parameter, func(t *testing.T) {
			if name, _ := only(t, tt.parameter, "kinds/kinds.proto"); name != tt.want {
				t.Errorf("file is %q, want %q", name, tt.want)
			}
		})
	}
}

func TestPackageNamesAreValidIdentifiers(t *testing.T) {
	for _, tt := range []struct{ name, goPackage, protoPackage, path, want string }{
		{"path and name", "example.com/a;b", "p", "example.com/a", "b"},
		{"path", "example.com/a", "p", "example.com/a", "a"},
		{"bare name", "b", "p", "./dir", "b"},
		{"no option", "", "one.two", "./dir", "one_two"},
		{"no package either", "", "", "./dir", "f"},
		{"not an identifier", "example.com/a-b", "p", "example.com/a-b", "a_b"},
		{"keyword", "example.com/func", "p", "example.com/func", "_func"},
		{"leading digit", "example.com/2nd", "p", "example.com/2nd", "_2nd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &descriptorpb.FileDescriptorProto{
				Name:    proto.String("dir/f.proto"),
				Package: &tt.protoPackage,
				Options: &descriptorpb.FileOptions{GoPackage: &tt.goPackage},
			}
			p, err := parseParams("")
			if err != nil {
				t.Fatal(err)
			}
			if got := p.resolve(f, true); got.path != tt.path || got.name != tt.want {
				t.Errorf("resolved to %q, package %q; want %q, package %q", got.path, got.name, tt.path, tt.want)
			}
		})
	}
}

func TestRootParameterImportsAnotherFramework(t *testing.T) {
	_, code := only(t, "root=go-micro.dev/v4", "legacy/legacy.proto")
	if !strings.Contains(code, `client "go-micro.dev/v4/client"`) || strings.Contains(code, defaultRoot+"/client\"") {
		t.Errorf("imports are not those of go-micro.dev/v4:\n%s", code)
	}
}

func TestEndpointUsesTheGoNameOfTheMethod(t *testing.T) { // was Kinds.get_item, which no server knows
	if _, code := only(t, "", "kinds/kinds.proto"); !strings.Contains(code, `"Kinds.GetItem"`) {
		t.Error(`no endpoint "Kinds.GetItem"`)
	}
}

func TestUseGRPCAddsAnEndpointForEachMethod(t *testing.T) {
	if _, code := only(t, "use_grpc=true", "kinds/kinds.proto"); !strings.Contains(code, `"/kinds.Kinds/get_item"`) {
		t.Error(`no endpoint "/kinds.Kinds/get_item"`)
	}
}

func TestGRPCEndpointsOfAFileWithoutAPackageBeginWithTheService(t *testing.T) { // was /.Alone/Call
	req := handmade(service("Alone", "Call"))
	req.Parameter = proto.String("use_grpc=true")
	if code := answer(t, req).GetFile()[0].GetContent(); !strings.Contains(code, `"/Alone/Call"`) {
		t.Errorf(`no endpoint "/Alone/Call":%s`, code)
	}
}

func TestHTTPRulesBecomeEndpoints(t *testing.T) {
	_, code := only(t, "", "kinds/kinds.proto")
	for _, want := range []string{
		`[]string{"/v1/unary/{text}", "/v1/unary"}`, // additional bindings included
		`[]string{"GET", "POST"}`,
		`[]string{"^/v1/\"down\"\\d+$"}`, // quotes and backslashes survive
		"Stream:  true",
	} {
		if !strings.Contains(code, want) {
			t.Errorf("no %s in the endpoints", want)
		}
	}
	if strings.Contains(code, `Name:    "Kinds.Older"`) {
		t.Error("a rule without verb and path gave an endpoint")
	}
}

func TestDeprecationIsMarkedOnce(t *testing.T) {
	_, code := only(t, "", "kinds/kinds.proto")
	if n := strings.Count(code, "// Deprecated: use Unary."); n != 2 {
		t.Errorf("the note of Old stands %d times, want in both interfaces", n)
	}
	if n := strings.Count(code, "// Deprecated: Do not use."); n != 2+4 {
		t.Errorf("%d marks, want two for Older and four for GoneService", n)
	}
}

func TestEditionsAreSupported(t *testing.T) {
	req := handmade(service("Alone", "Call"))
	f := req.ProtoFile[0]
	f.Syntax, f.Edition = proto.String("editions"), descriptorpb.Edition_EDITION_2023.Enum()
	rsp := answer(t, req)
	if rsp.GetError() != "" || len(rsp.GetFile()) != 1 {
		t.Fatalf("got error %q and %d files, want one file", rsp.GetError(), len(rsp.GetFile()))
	}
	const features = pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL | pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS
	if got := rsp.GetSupportedFeatures(); got != uint64(features) {
		t.Errorf("features are %b, want %b", got, features)
	}
}

// handmade is a request for one file without a package, a.proto, with a message
// Text and the given services. Service n and its methods stand on line n.
func handmade(services ...*descriptorpb.ServiceDescriptorProto) *pluginpb.CodeGeneratorRequest {
	file := &descriptorpb.FileDescriptorProto{
		Name:           proto.String("a.proto"),
		Syntax:         proto.String("proto3"),
		Options:        &descriptorpb.FileOptions{GoPackage: proto.String("example.com/a")},
		MessageType:    []*descriptorpb.DescriptorProto{{Name: proto.String("Text")}},
		Service:        services,
		SourceCodeInfo: new(descriptorpb.SourceCodeInfo),
	}
	place := func(line int32, path ...int32) {
		file.SourceCodeInfo.Location = append(file.SourceCodeInfo.Location,
			&descriptorpb.SourceCodeInfo_Location{Path: path, Span: []int32{line, 0, 1}})
	}
	for i, s := range services {
		place(int32(i), 6, int32(i))
		for j := range s.Method {
			place(int32(i), 6, int32(i), 2, int32(j))
		}
	}
	return &pluginpb.CodeGeneratorRequest{FileToGenerate: []string{"a.proto"}, ProtoFile: []*descriptorpb.FileDescriptorProto{file}}
}

func service(name string, methods ...string) *descriptorpb.ServiceDescriptorProto {
	s := &descriptorpb.ServiceDescriptorProto{Name: &name}
	for _, m := range methods {
		s.Method = append(s.Method, &descriptorpb.MethodDescriptorProto{
			Name: &m, InputType: proto.String(".Text"), OutputType: proto.String(".Text"),
		})
	}
	return s
}

func TestConflictingNamesFailWithFileAndLine(t *testing.T) {
	for _, tt := range []struct {
		name     string
		services []*descriptorpb.ServiceDescriptorProto
		message  string // an additional message
		want     []string
	}{
		{"services with one client name", []*descriptorpb.ServiceDescriptorProto{service("Mail"), service("MailService")}, "", []string{"a.proto:2", "MailService", "a.proto:1"}},
		{"services that differ by case", []*descriptorpb.ServiceDescriptorProto{service("foo_bar"), service("FooBar")}, "", []string{"a.proto:2", "a.proto:1"}},
		{"a message with a generated name", []*descriptorpb.ServiceDescriptorProto{service("Mail")}, "MailHandler", []string{"a.proto:1", "MailHandler"}},
		{"methods that differ by case", []*descriptorpb.ServiceDescriptorProto{service("Mail", "get_it", "GetIt")}, "", []string{"a.proto:1", "GetIt"}},
		{"a method named as the handler", []*descriptorpb.ServiceDescriptorProto{service("Mail", "MailHandler")}, "", []string{"a.proto:1", "MailHandler"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := handmade(tt.services...)
			if tt.message != "" {
				req.ProtoFile[0].MessageType = append(req.ProtoFile[0].MessageType, &descriptorpb.DescriptorProto{Name: &tt.message})
			}
			text := answer(t, req).GetError()
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("error %q does not name %s", text, want)
				}
			}
		})
	}
}

func TestInvalidRequestsAreAnsweredWithAnError(t *testing.T) {
	for _, tt := range []struct{ name, parameter, want string }{
		{"unknown parameter", "pathz=import", `unknown parameter "pathz"`},
		{"mapping without a path", "Mkinds/kinds.proto=", `unknown parameter "Mkinds/kinds.proto"`},
		{"unknown path type", "paths=beside", `Unknown path type "beside": want "import" or "source_relative".`},
		{"module and source_relative", "module=a,paths=source_relative", "module=a and paths=source_relative exclude each other"},
		{"the same in the other order", "paths=source_relative,module=a", "module=a and paths=source_relative exclude each other"},
		{"empty root", "root=", "parameter root"},
		{"module that is no prefix", "module=example.com/other", "example.com/other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if text := answer(t, request(t, tt.parameter, "kinds/kinds.proto")).GetError(); !strings.Contains(text, tt.want) {
				t.Errorf("error is %q, want %q in it", text, tt.want)
			}
		})
	}
	t.Run("no files", func(t *testing.T) {
		if text := answer(t, request(t, "")).GetError(); text != "no files to generate" {
			t.Errorf("error is %q, want %q", text, "no files to generate")
		}
	})
}

func TestGarbageOnStandardInputIsAnError(t *testing.T) {
	err := run(strings.NewReader("\xff\xff"), new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "parsing input proto") {
		t.Errorf("error is %v, want one that says what could not be parsed", err)
	}
}
