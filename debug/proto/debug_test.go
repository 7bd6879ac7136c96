package debug_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/justcy/go-micro/v4/debug/proto"
)

func TestTheProtoFileIsRegisteredUnderTheNameOfV4(t *testing.T) {
	file := pb.File_proto_debug_proto
	if file.Path() != "proto/debug.proto" || file.Package() != "debug" || file.Services().ByName("Debug") == nil {
		t.Errorf("got %s of package %s", file.Path(), file.Package())
	}
}

func TestASpanHasTheBytesOfV4(t *testing.T) {
	span := &pb.Span{Trace: "t", Type: pb.SpanType_OUTBOUND, Started: 1}
	data, err := proto.Marshal(span)
	if want := "\x0a\x01t\x28\x01\x40\x01"; err != nil || string(data) != want {
		t.Errorf("got %q, %v, want %q", data, err, want)
	}
}
