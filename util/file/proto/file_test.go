package go_micro_server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/justcy/go-micro/v4/util/file/proto"
)

func TestMessagesHaveTheBytesOfTheContract(t *testing.T) {
	for _, c := range []struct {
		message proto.Message
		want    string
	}{
		{&pb.OpenRequest{Filename: "f", Truncate: true}, "\x0a\x01f\x10\x01"},
		{&pb.OpenResponse{Id: 1, Result: true}, "\x08\x01\x10\x01"},
		{&pb.CloseRequest{Id: 1}, "\x08\x01"},
		{&pb.CloseResponse{}, ""},
		{&pb.StatRequest{Filename: "f"}, "\x0a\x01f"},
		{&pb.StatResponse{Type: "File", Size: 2, LastModified: 3}, "\x0a\x04File\x10\x02\x18\x03"},
		{&pb.ReadRequest{Id: 1, Offset: 2, Size: 3}, "\x08\x01\x10\x02\x18\x03"},
		{&pb.ReadResponse{Size: 1, Data: []byte("d"), Eof: true}, "\x08\x01\x12\x01d\x18\x01"},
		{&pb.WriteRequest{Id: 1, Offset: 2, Data: []byte("d")}, "\x08\x01\x10\x02\x1a\x01d"},
		{&pb.WriteResponse{}, ""},
		{&pb.GetRequest{Id: 1, BlockId: 2}, "\x08\x01\x10\x02"},
		{&pb.GetResponse{BlockId: 1, Size: 2, Data: []byte("d")}, "\x08\x01\x10\x02\x1a\x01d"},
	} {
		got, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.message)
		if err != nil || string(got) != c.want {
			t.Errorf("%T: %q, %v; want %q", c.message, got, err, c.want)
		}
		if back := c.message.ProtoReflect().New().Interface(); proto.Unmarshal(got, back) != nil || !proto.Equal(back, c.message) {
			t.Errorf("%T: came back as %v", c.message, back)
		}
	}
}

func TestMessagesHaveTheirOlderForm(t *testing.T) {
	r := &pb.ReadRequest{Id: 1, Offset: 2, Size: 3}
	data, err := r.XXX_Marshal([]byte("before"), true)
	if err != nil || r.XXX_Size() != len(data)-len("before") {
		t.Fatalf("XXX_Marshal gave %q, %v", data, err)
	}
	var got, merged pb.ReadRequest
	if err := got.XXX_Unmarshal(data[len("before"):]); err != nil || !proto.Equal(&got, r) {
		t.Errorf("got %v, %v, want %v", &got, err, r)
	}
	if merged.XXX_Merge(r); !proto.Equal(&merged, r) {
		t.Errorf("merged %v, want %v", &merged, r)
	}
	if merged.Reset(); !proto.Equal(&merged, &pb.ReadRequest{}) {
		t.Errorf("Reset left %v", &merged)
	}
	unknown := &pb.CloseRequest{}
	if err := proto.Unmarshal([]byte("\x08\x01\x98\x06\x01"), unknown); err != nil || string(unknown.XXX_unrecognized) != "\x98\x06\x01" {
		t.Fatalf("got %v, %v", unknown, err)
	}
	if unknown.XXX_DiscardUnknown(); unknown.GetId() != 1 || unknown.XXX_unrecognized != nil {
		t.Errorf("got %v", unknown)
	}
}

func TestTheServiceIsRegisteredUnderTheNameOfV4(t *testing.T) {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName("go.micro.server.File")
	if err != nil || d.ParentFile().Services().ByName("File").Methods().Len() != 5 {
		t.Errorf("got %v, %v", d, err)
	}
	if len(pb.NewFileEndpoints()) != 0 {
		t.Error("there are HTTP endpoints")
	}
}
