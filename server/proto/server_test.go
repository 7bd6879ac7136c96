package go_micro_server_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/justcy/go-micro/v4/server/proto"
)

func TestMessagesHaveTheirOlderForm(t *testing.T) {
	r := &pb.HandleRequest{Service: "s", Endpoint: "e", Protocol: "p"}
	data, err := r.XXX_Marshal(nil, true)
	if err != nil || r.XXX_Size() != len(data) {
		t.Fatalf("XXX_Marshal gave %q, %v", data, err)
	}
	var got pb.HandleRequest
	if err := proto.Unmarshal(data, &got); err != nil || !proto.Equal(&got, r) {
		t.Errorf("got %v, %v, want %v", &got, err, r)
	}
	sub := &pb.SubscribeRequest{Topic: "t", XXX_unrecognized: []byte("\x98\x06\x01")}
	if sub.XXX_DiscardUnknown(); sub.GetTopic() != "t" || sub.XXX_unrecognized != nil {
		t.Errorf("got %v", sub)
	}
}

func TestRegisteredFileName(t *testing.T) {
	file, err := protoregistry.GlobalFiles.FindFileByPath("server.proto")
	if err != nil || file.Services().ByName("Server") == nil || file.Package() != "go.micro.server" {
		t.Errorf("got %v, %v", file, err)
	}
}
