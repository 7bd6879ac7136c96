package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/pluginpb"
)

// shapesPackage is where the generated files are compiled, which exist in memory
// alone.
const shapesPackage = "github.com/justcy/go-micro/v4/cmd/protoc-gen-micro/internal/golden/shapes"

// types are the messages that methods take and return: one of the package, and
// some of others, one of which has the name of a package that the code needs.
var types = map[string]string{
	"Own":     ".shapes.Own",
	"Empty":   ".google.protobuf.Empty",
	"Dep":     ".dep.Dep",
	"Context": ".context.Value",
}

// shapes are files with one service each, so that what is imported for one of
// them does not help another.
func shapes() []*descriptorpb.FileDescriptorProto {
	files := []*descriptorpb.FileDescriptorProto{shapeFile("Nothing")}
	for in := range types {
		for out := range types {
			for _, kind := range []string{"Unary", "Down", "Up", "Both"} {
				files = append(files, shapeFile(kind+in+out, shapeMethod(kind, in, out)))
			}
		}
	}
	mixed := shapeFile("NothingToo")
	mixed.Service = append(mixed.Service, shapeFile("Mixed", shapeMethod("Up", "Dep", "Empty")).Service...)
	return append(files, mixed)
}

func shapeMethod(kind, in, out string) *descriptorpb.MethodDescriptorProto {
	return &descriptorpb.MethodDescriptorProto{
		Name: proto.String("Put"), InputType: proto.String(types[in]), OutputType: proto.String(types[out]),
		ClientStreaming: proto.Bool(kind == "Up" || kind == "Both"), ServerStreaming: proto.Bool(kind == "Down" || kind == "Both"),
	}
}

func shapeFile(service string, methods ...*descriptorpb.MethodDescriptorProto) *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String(strings.ToLower(service) + ".proto"), Package: proto.String("shapes"), Syntax: proto.String("proto3"),
		Dependency: []string{"own.proto", "google/protobuf/empty.proto", "dep.proto", "context.proto"},
		Options:    &descriptorpb.FileOptions{GoPackage: proto.String(shapesPackage)},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: proto.String(service), Method: methods}},
	}
}

func messageFile(pkg, message, goPackage string) *descriptorpb.FileDescriptorProto {
	return &descriptorpb.FileDescriptorProto{
		Name: proto.String(pkg + ".proto"), Package: proto.String(pkg), Syntax: proto.String("proto3"),
		Options:     &descriptorpb.FileOptions{GoPackage: proto.String(goPackage)},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String(message)}},
	}
}

func TestImportsFollowFromUse(t *testing.T) {
	own := messageFile("shapes", "Own", shapesPackage)
	own.Name = proto.String("own.proto")
	deps := []*descriptorpb.FileDescriptorProto{
		own, messageFile("dep", "Dep", shapesPackage+"/dep"), messageFile("context", "Value", shapesPackage+"/context"),
		protodesc.ToFileDescriptorProto(emptypb.File_google_protobuf_empty_proto),
	}
	for _, parameter := range []string{"", "use_grpc=true"} {
		t.Run(parameter, func(t *testing.T) {
			req := &pluginpb.CodeGeneratorRequest{Parameter: &parameter, ProtoFile: append(deps, shapes()...)}
			for _, f := range shapes() {
				req.FileToGenerate = append(req.FileToGenerate, f.GetName())
			}
			rsp := answer(t, req)
			if rsp.GetError() != "" || len(rsp.GetFile()) != len(req.FileToGenerate) {
				t.Fatalf("%d files, %s", len(rsp.GetFile()), rsp.GetError())
			}
			compile(t, rsp)
		})
	}
}

// compile builds the files of a response together with the messages that they
// need, in this module.
func compile(t *testing.T, rsp *pluginpb.CodeGeneratorResponse) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replaced := map[string]string{}
	add := func(importPath, name, content string) {
		real := filepath.Join(dir, fmt.Sprint(len(replaced))+".go")
		if err := os.WriteFile(real, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		inModule := strings.TrimPrefix(importPath, "github.com/justcy/go-micro/v4/")
		replaced[filepath.Join(root, filepath.FromSlash(inModule), name)] = real
	}
	add(shapesPackage, "messages.go", "package shapes\n\ntype Own struct{}\n")
	add(shapesPackage+"/dep", "messages.go", "package dep\n\ntype Dep struct{}\n")
	add(shapesPackage+"/context", "messages.go", "package context\n\ntype Value struct{}\n")
	for _, f := range rsp.GetFile() {
		add(shapesPackage, filepath.Base(f.GetName()), f.GetContent())
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, shapesPackage)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
