package grpc_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/util/buf"
)

// failed returns the headers that a gRPC client gets for an error.
func failed(t *testing.T, text string) map[string]string {
	t.Helper()
	m := &codec.Message{Type: codec.Error, Error: text}
	if err := grpc.NewCodec(buf.New(nil)).Write(m, nil); err != nil {
		t.Fatal(err)
	}
	grpc.SetStatus(m.Header, text)
	return m.Header
}

func TestTheStatusFollowsFromTheCodeOfTheError(t *testing.T) {
	for code, want := range map[int32]string{400: "3", 401: "16", 403: "7", 404: "5", 408: "4", 409: "6", 412: "9", 500: "13", 501: "12", 503: "14", 405: "2", 0: "13"} {
		text := errors.New("id", "detail", code).Error()
		h := failed(t, text)
		if h["grpc-status"] != want || h["grpc-message"] != text || h["Trailer"] != "grpc-status, grpc-message, grpc-status-details-bin" {
			t.Errorf("%d: %v", code, h)
		}
	}
}

func TestTheErrorIsADetailOfTheStatus(t *testing.T) {
	e := errors.NotFound("users", "nobody is called Zoë").(*errors.Error)
	b, err := base64.RawStdEncoding.DecodeString(failed(t, e.Error())["grpc-status-details-bin"])
	if err != nil {
		t.Fatal(err)
	}
	var code uint64
	var message string
	packed := new(anypb.Any)
	for len(b) > 0 {
		number, _, n := protowire.ConsumeTag(b)
		b = b[n:]
		var value []byte
		if number == 1 {
			code, n = protowire.ConsumeVarint(b)
		} else if value, n = protowire.ConsumeBytes(b); number == 2 {
			message = string(value)
		} else if err := proto.Unmarshal(value, packed); err != nil {
			t.Fatal(err)
		}
		if n < 0 {
			t.Fatalf("field %d: %v", number, protowire.ParseError(n))
		}
		b = b[n:]
	}
	got, err := packed.UnmarshalNew()
	if err != nil || !proto.Equal(got, e) || code != 5 || message != e.Error() {
		t.Errorf("got %v, %v with code %d and message %s", got, err, code, message)
	}
}

func TestATextWithoutACodeIsInternalAndHasNoDetail(t *testing.T) {
	for text, message := range map[string]string{
		"no": "no", `{"other":"object"}`: `{"other":"object"}`, "": "", "100% Zoë\n": "100%25 Zo%C3%AB%0A",
	} {
		h := failed(t, text)
		if h["grpc-status"] != "13" || h["grpc-message"] != message || h["grpc-status-details-bin"] != "" {
			t.Errorf("%q: %v", text, h)
		}
	}
}

func TestALongErrorIsTheMessageAlone(t *testing.T) {
	text := errors.NotFound("id", strings.Repeat("x", 4000)).Error()
	h := failed(t, text)
	if h["grpc-status"] != "5" || h["grpc-message"] != text || h["grpc-status-details-bin"] != "" {
		t.Errorf("status %s with %d bytes of details", h["grpc-status"], len(h["grpc-status-details-bin"]))
	}
}

func TestTheMessageOfAHugeErrorIsCut(t *testing.T) {
	h := failed(t, errors.NotFound("id", strings.Repeat("é", 1<<18)).Error())
	if message, err := url.PathUnescape(h["grpc-message"]); h["grpc-status"] != "5" || err != nil || len(message) > 5000 || !strings.HasSuffix(message, "é…") {
		t.Errorf("status %s with a message of %d bytes: %v", h["grpc-status"], len(h["grpc-message"]), err)
	}
}

func TestTheEndOfAStreamIsOK(t *testing.T) {
	if h := failed(t, "EOS"); h["grpc-status"] != "0" || h["grpc-message"] != "" {
		t.Errorf("got %v", h)
	}
}
