package go_api_test

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/justcy/go-micro/v4/api/proto"
)

func TestMessagesHaveTheBytesOfTheContract(t *testing.T) {
	pair := map[string]*pb.Pair{"k": {Key: "k", Values: []string{"v"}}}
	for _, c := range []struct {
		message proto.Message
		want    string
	}{
		{&pb.Pair{Key: "k", Values: []string{"a", "b"}}, "\x0a\x01k\x12\x01a\x12\x01b"},
		{&pb.Request{Method: "m", Path: "p", Body: "b", Url: "u"}, "\x0a\x01m\x12\x01p\x32\x01b\x3a\x01u"},
		{&pb.Request{Header: pair}, "\x1a\x0b\x0a\x01k\x12\x06\x0a\x01k\x12\x01v"},
		{&pb.Request{Get: pair}, "\x22\x0b\x0a\x01k\x12\x06\x0a\x01k\x12\x01v"},
		{&pb.Request{Post: pair}, "\x2a\x0b\x0a\x01k\x12\x06\x0a\x01k\x12\x01v"},
		{&pb.Response{StatusCode: 200, Header: pair, Body: "b"}, "\x08\xc8\x01\x12\x0b\x0a\x01k\x12\x06\x0a\x01k\x12\x01v\x1a\x01b"},
		{&pb.Event{Name: "n", Id: "i", Timestamp: 5, Header: pair, Data: "d"}, "\x0a\x01n\x12\x01i\x18\x05\x22\x0b\x0a\x01k\x12\x06\x0a\x01k\x12\x01v\x2a\x01d"},
	} {
		got, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.message)
		if err != nil || string(got) != c.want {
			t.Errorf("%T: %q, %v; want %q", c.message, got, err, c.want)
		}
		if back := c.message.ProtoReflect().New().Interface(); proto.Unmarshal(got, back) != nil || !proto.Equal(back, c.message) {
			t.Errorf("%T: came back as %v", c.message, back)
		}
	}
	if name := (&pb.Request{}).ProtoReflect().Descriptor().FullName(); name != "go.api.Request" {
		t.Errorf("the name is %s", name)
	}
}

func TestMessagesAreJSONWithTheirOwnNames(t *testing.T) {
	got, err := json.Marshal(&pb.Response{StatusCode: 301, Body: "b"})
	if err != nil || string(got) != `{"statusCode":301,"body":"b"}` {
		t.Errorf("got %s, %v", got, err)
	}
}
