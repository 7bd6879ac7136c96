package events_test

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/justcy/go-micro/v4/events"
)

func TestProtobufEventsAreReadInBothForms(t *testing.T) {
	want := timestamppb.New(timestamppb.Now().AsTime())
	asFields, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{string(asFields), `"` + want.AsTime().Format("2006-01-02T15:04:05.999999999Z") + `"`} {
		got := new(timestamppb.Timestamp)
		if err := (&events.Event{Payload: []byte(payload)}).Unmarshal(got); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: read %v, %v", payload, got, err)
		}
	}
	value := new(structpb.Value)
	if err := (&events.Event{Payload: []byte(`{"a":[1,"x"]}`)}).Unmarshal(value); err != nil || value.GetStructValue() == nil {
		t.Errorf("read %v, %v", value, err)
	}
}
