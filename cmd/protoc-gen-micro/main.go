// Protoc-gen-micro is a protoc plugin that generates typed clients and handlers
// for the services of .proto files. Their messages come from protoc-gen-go, in
// the same Go package.
//
//	protoc --go_out=. --micro_out=. greeter.proto
//	protoc --go_out=paths=source_relative:. --micro_out=paths=source_relative:. greeter.proto
//
// Parameters, comma separated:
//
//	paths=import           files go under their Go import path (default)
//	paths=source_relative  files go beside their .proto file
//	module=PREFIX          strips PREFIX from the import path; not with source_relative
//	MFILE=PATH             Go import path of a .proto file, or PATH;NAME with its package name
//	import_path=PATH       Go import path of the generated files without one of their own
//	import_prefix=TEXT     put before every import path taken from the .proto files
//	use_grpc=true          endpoints take the form /package.Service/method
//	root=PATH              module of the framework that the generated code imports
//	plugins=NAMES          accepted for old command lines; without effect
//
// With the flag -version it prints its version and exits.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// version is written into every generated file. It changes when the generated
// code does.
const version = "v4.0.0"

func main() {
	showVersion := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *showVersion {
		fmt.Println("protoc-gen-micro", version)
		return
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-micro: error:", err)
		os.Exit(1)
	}
}

// run answers the request on in. What is wrong with the request itself is
// reported in the response, as protoc expects it.
func run(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("reading input: %w", err)
	}
	req := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(data, req); err != nil {
		return fmt.Errorf("parsing input proto: %w", err)
	}
	rsp, err := generate(req)
	if err != nil {
		rsp = &pluginpb.CodeGeneratorResponse{Error: proto.String(err.Error())}
	}
	data, err = proto.Marshal(rsp)
	if err != nil {
		return fmt.Errorf("encoding response: %w", err)
	}
	if _, err := out.Write(data); err != nil {
		return fmt.Errorf("writing response: %w", err)
	}
	return nil
}
