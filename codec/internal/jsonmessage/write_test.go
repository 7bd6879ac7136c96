package jsonmessage_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec/internal/jsonmessage"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
)

// plain has a value in every field.
func plain() *testpb.Plain {
	return &testpb.Plain{
		I32: -1, S64: math.MinInt64, F64: math.MaxUint64, U32: 7, U64Value: 1 << 63, Yes: true,
		Single: 0.1, Twice: 1e21, Maybe: proto.String(""), MaybeColour: testpb.Colour_COLOUR_NONE.Enum(),
		Longs: []int64{0, 1 << 60}, Colours: []testpb.Colour{1, 77, -1},
		ByName:   map[string]testpb.Colour{"b": 1, "a": 0, "<": 2},
		ByNumber: map[int64]*testpb.Plain{9: {I32: 1}, 10: {}, -1: {}},
		Weights:  map[string]float64{"w": 1e-7},
		Parts:    [][]byte{{1, 2, 3}, {}}, Inner: &testpb.Plain{OtherName: "<a href='x'>&\u2028\x00\"\\é\U0001F600\x7f"},
		OtherName: "n", Sf32: math.MinInt32, Words: []string{"", "w"},
	}
}

// known has a value in every field.
func known(t testing.TB) *testpb.Known {
	inside, err := anypb.New(&testpb.Everything{FullName: "<in any>"})
	object, err2 := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{nil, "<"}})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return &testpb.Known{
		Took: durationpb.New(1500e6), Any: inside, Object: object, Value: structpb.NewNullValue(),
		List: &structpb.ListValue{Values: []*structpb.Value{structpb.NewBoolValue(true)}},
		Mask: &fieldmaskpb.FieldMask{Paths: []string{"a_b.c"}}, Long: wrapperspb.Int64(1 << 60), Blob: wrapperspb.Bytes([]byte{1}),
		Times: []*timestamppb.Timestamp{{Seconds: 1, Nanos: 5e6}}, ByBool: map[bool]string{true: "t", false: "f"},
		WhichOne: &testpb.Known_APlain{APlain: &testpb.Plain{U64Value: 5, Colours: []testpb.Colour{1}}},
	}
}

func write(t testing.TB, m proto.Message, form jsonmessage.Form) string {
	t.Helper()
	b, err := jsonmessage.Append([]byte("before"), m, form)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[len("before"):])
}

func TestMessagesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	for _, m := range []proto.Message{
		plain(), &testpb.Plain{}, &testpb.Plain{Single: 1e-6},
		&testpb.Plain{Single: math.MaxFloat32, Twice: math.SmallestNonzeroFloat64},
		&testpb.Old{Name: proto.String(""), Count: proto.Int64(0), Mood: testpb.Mood_BAD.Enum(), Part: &testpb.Old_Part{Text: proto.String("x")}},
	} {
		want, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []jsonmessage.Form{jsonmessage.Body, jsonmessage.Envelope} {
			if got := write(t, m, form); got != string(want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	}
}

func TestWhatEncodingJSONCannotCarryFollowsTheMapping(t *testing.T) {
	const object = `"object":{"a":1.5,"b":[null,"\u003c"]},"value":null,"list":[true]`
	const rest = `"by_bool":{"false":"f","true":"t"},"a_plain":{"u64_value":5,"colours":[1]}}`
	for form, want := range map[jsonmessage.Form]string{
		jsonmessage.Body: `{"took":"1.500s","any":{"@type":"type.googleapis.com/micro.codec.test.Everything","full_name":"\u003cin any\u003e"},` + object +
			`,"mask":"aB.c","long":"1152921504606846976","blob":"AQ==","times":["1970-01-01T00:00:01.005Z"],` + rest,
		jsonmessage.Envelope: `{"took":{"seconds":1,"nanos":500000000},"any":{"type_url":"type.googleapis.com/micro.codec.test.Everything","value":"Cgg8aW4gYW55Pg=="},` + object +
			`,"mask":{"paths":["a_b.c"]},"long":{"value":1152921504606846976},"blob":{"value":"AQ=="},"times":[{"seconds":1,"nanos":5000000}],` + rest,
	} {
		if got := write(t, known(t), form); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	floats := &testpb.Plain{Single: float32(math.Inf(1)), Twice: math.NaN(), Weights: map[string]float64{"w": math.Inf(-1), "zero": math.Copysign(0, -1)}}
	if got, want := write(t, floats, jsonmessage.Body), `{"single":"Infinity","twice":"NaN","weights":{"w":"-Infinity","zero":-0}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOneofsAreWrittenFlat(t *testing.T) {
	for want, m := range map[string]*testpb.Known{
		`{"a_colour":0}`:                    {WhichOne: &testpb.Known_AColour{}},
		`{"some_bytes":""}`:                 {WhichOne: &testpb.Known_SomeBytes{}},
		`{"string":"\u003c"}`:               {WhichOne: &testpb.Known_String_{String_: "<"}},
		`{"moment":"1970-01-01T00:00:00Z"}`: {WhichOne: &testpb.Known_Moment{Moment: &timestamppb.Timestamp{}}},
		`{"nothing":null}`:                  {WhichOne: &testpb.Known_Nothing{}},
		`{}`:                                {},
	} {
		if got := write(t, m, jsonmessage.Body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestExtensionsAreWrittenUnderTheirFullNames(t *testing.T) {
	m := &testpb.Old{Name: proto.String("n")}
	proto.SetExtension(m, testpb.E_Moods, []testpb.Mood{testpb.Mood_BAD})
	proto.SetExtension(m, testpb.E_Extra, int64(1<<60))
	want := `{"name":"n","[micro.codec.test.extra]":1152921504606846976,"[micro.codec.test.moods]":[2]}`
	if got := write(t, m, jsonmessage.Body); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatCannotBeReadIsNotWritten(t *testing.T) {
	for name, m := range map[string]proto.Message{
		"invalid UTF-8":          &testpb.Plain{OtherName: "\xff"},
		"invalid UTF-8 in a key": &testpb.Plain{ByName: map[string]testpb.Colour{"\xff": 1}},
		"missing required field": &testpb.Old{},
		"time out of range":      &testpb.Known{Times: []*timestamppb.Timestamp{{Seconds: 1 << 60}}},
		"any of unknown type":    &testpb.Known{Any: &anypb.Any{TypeUrl: "x.y/no.such.Type"}},
	} {
		if b, err := jsonmessage.Append(nil, m, jsonmessage.Body); err == nil {
			t.Errorf("%s: wrote %s", name, b)
		}
	}
}

func TestPeersThatReadByTheMappingReadIt(t *testing.T) {
	old := &testpb.Old{Name: proto.String("n")}
	proto.SetExtension(old, testpb.E_Extra, int64(7))
	for _, m := range []proto.Message{plain(), known(t), old} {
		got := m.ProtoReflect().New().Interface()
		if err := protojson.Unmarshal([]byte(write(t, m, jsonmessage.Body)), got); err != nil || !proto.Equal(got, m) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

// FuzzAppend writes any message of the binary encoding, and reads it back.
func FuzzAppend(f *testing.F) {
	for _, m := range []proto.Message{plain(), known(f)} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p testpb.Plain
		if proto.Unmarshal(data, &p) == nil {
			compareWithEncodingJSON(t, &p)
		}
		var k testpb.Known
		if proto.Unmarshal(data, &k) != nil {
			return
		}
		k.Null = 0 // null, whatever its number
		for _, form := range []jsonmessage.Form{jsonmessage.Body, jsonmessage.Envelope} {
			b, err := jsonmessage.Append(nil, &k, form)
			if err != nil {
				continue
			}
			if !json.Valid(b) {
				t.Fatalf("no JSON: %s", b)
			}
			readBack(t, b, form)
		}
	})
}

// compareWithEncodingJSON fails unless the bytes are those of encoding/json.
func compareWithEncodingJSON(t *testing.T, p *testpb.Plain) {
	want, err := json.Marshal(p)
	if err != nil {
		return // NaN and its like
	}
	got, err := jsonmessage.Append(nil, p, jsonmessage.Body)
	if strings.Contains(string(got), "-0") {
		return // which encoding/json takes for nothing
	}
	if err != nil || string(got) != string(want) {
		t.Fatalf("%v, got\n%s, want\n%s", err, got, want)
	}
	readBackInto(t, want, new(testpb.Plain), jsonmessage.Body)
}

func readBack(t *testing.T, b []byte, form jsonmessage.Form) {
	readBackInto(t, b, new(testpb.Known), form)
}

// readBackInto fails unless what is read is written in the same way.
func readBackInto(t *testing.T, b []byte, m proto.Message, form jsonmessage.Form) {
	t.Helper()
	if err := jsonmessage.Unmarshal(b, m, form); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if again, err := jsonmessage.Append(nil, m, form); err != nil || string(again) != string(b) {
		t.Fatalf("%v, %s became %s", err, b, again)
	}
}
