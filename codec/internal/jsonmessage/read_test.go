package jsonmessage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/jsonmessage"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
)

var forms = map[string]jsonmessage.Form{"body": jsonmessage.Body, "envelope": jsonmessage.Envelope}

func TestReadingTakesBothForms(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     proto.Message
	}{
		{"numbers", `{"i32":-1,"s64":-9223372036854775808,"f64":18446744073709551615,"u32":4294967295}`,
			&testpb.Plain{I32: -1, S64: math.MinInt64, F64: math.MaxUint64, U32: math.MaxUint32}},
		{"numbers as strings", `{"i32":"-1","s64":"-9223372036854775808","f64":"18446744073709551615","u32":"4294967295"}`,
			&testpb.Plain{I32: -1, S64: math.MinInt64, F64: math.MaxUint64, U32: math.MaxUint32}},
		{"whole numbers with a fraction or an exponent", `{"i32":1.0,"s64":1.5e1,"f64":"2E+2","u32":200e-2,"longs":[0e9,-0,0.0,10e0]}`,
			&testpb.Plain{I32: 1, S64: 15, F64: 200, U32: 2, Longs: []int64{0, 0, 0, 10}}},
		{"floats", `{"single":"Infinity","twice":"-Infinity","weights":{"a":"1.5","b":2e300}}`,
			&testpb.Plain{Single: float32(math.Inf(1)), Twice: math.Inf(-1), Weights: map[string]float64{"a": 1.5, "b": 2e300}}},
		{"enum names", `{"colours":["COLOUR_RED","COLOUR_BELOW"],"byName":{"a":"COLOUR_RED"},"maybeColour":"COLOUR_NONE"}`,
			&testpb.Plain{Colours: []testpb.Colour{1, -1}, ByName: map[string]testpb.Colour{"a": 1}, MaybeColour: testpb.Colour_COLOUR_NONE.Enum()}},
		{"enum numbers", `{"colours":[1,-1],"by_name":{"a":1},"maybe_colour":0}`,
			&testpb.Plain{Colours: []testpb.Colour{1, -1}, ByName: map[string]testpb.Colour{"a": 1}, MaybeColour: testpb.Colour_COLOUR_NONE.Enum()}},
		{"unknown enum numbers", `{"colours":[55],"by_name":{"a":-55}}`,
			&testpb.Plain{Colours: []testpb.Colour{55}, ByName: map[string]testpb.Colour{"a": -55}}},
		{"unknown enum names", `{"colours":["COLOUR_NEW",1],"by_name":{"a":"COLOUR_NEW","b":1},"maybe_colour":"COLOUR_NEW"}`,
			&testpb.Plain{Colours: []testpb.Colour{1}, ByName: map[string]testpb.Colour{"b": 1}}},
		{"original name", `{"u64_value":1,"other_name":"n"}`, &testpb.Plain{U64Value: 1, OtherName: "n"}},
		{"camel case", `{"u64Value":1,"renamed":"n"}`, &testpb.Plain{U64Value: 1, OtherName: "n"}},
		{"bytes", `{"parts":["AQI=","AQI","__-_","//+/",""]}`, &testpb.Plain{Parts: [][]byte{{1, 2}, {1, 2}, {255, 255, 191}, {255, 255, 191}, {}}}},
		{"keys", `{"by_number":{"-1":{},"9223372036854775807":{"i32":1}}}`, &testpb.Plain{ByNumber: map[int64]*testpb.Plain{-1: {}, math.MaxInt64: {I32: 1}}}},
		{"escapes", `{"renamed":"\u003c\"\\\/\b\f\n\r\t\ud83d\ude00é"}`, &testpb.Plain{OtherName: "<\"\\/\b\f\n\r\t\U0001F600é"}},
		{"null everywhere", `{"i32":null,"maybe":null,"longs":null,"by_name":null,"inner":null,"inner2":null}`, &testpb.Plain{}},
		{"null of every well-known type", `{"took":null,"any":null,"object":null,"list":null,"null":null,"mask":null,"long":null,"times":null,"a_plain":null}`, &testpb.Known{}},
		{"null that is a value", `{"value":null,"nothing":null}`,
			&testpb.Known{Value: structpb.NewNullValue(), WhichOne: &testpb.Known_Nothing{}}},
		{"spaces", " \r\n\t{ \"i32\" : 1 , \"longs\" : [ 1 , 2 ] } \n", &testpb.Plain{I32: 1, Longs: []int64{1, 2}}},
		{"mapping of well-known types", `{"took":"1.5s","mask":"aB","long":"5","blob":"AQ==","times":["1970-01-01T00:00:01Z"],"object":{"a":1},"list":[1]}`,
			&testpb.Known{Took: durationpb.New(1500e6), Mask: &fieldmaskpb.FieldMask{Paths: []string{"a_b"}}, Long: wrapperspb.Int64(5), Blob: wrapperspb.Bytes([]byte{1}),
				Times: []*timestamppb.Timestamp{{Seconds: 1}}, Object: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewNumberValue(1)}},
				List: &structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1)}}}},
		{"well-known types as their fields", `{"took":{"seconds":1,"nanos":500000000},"mask":{"paths":["a_b"]},"long":{"value":5},"blob":{"value":"AQ=="},"times":[{"seconds":1,"nanos":2},{}]}`,
			&testpb.Known{Took: durationpb.New(1500e6), Mask: &fieldmaskpb.FieldMask{Paths: []string{"a_b"}}, Long: wrapperspb.Int64(5), Blob: wrapperspb.Bytes([]byte{1}),
				Times: []*timestamppb.Timestamp{{Seconds: 1, Nanos: 2}, {}}}},
		{"any by its type", `{"any":{"full_name":"a","@type":"type.googleapis.com/micro.codec.test.Everything","added":1}}`, &testpb.Known{Any: packed(&testpb.Everything{FullName: "a"})}},
		{"any by its fields", `{"any":{"type_url":"type.googleapis.com/micro.codec.test.Everything","value":"CgFh"}}`, &testpb.Known{Any: packed(&testpb.Everything{FullName: "a"})}},
		{"any of a type nobody knows, by its fields", `{"any":{"type_url":"x.y/z","value":"CgFh"}}`, &testpb.Known{Any: &anypb.Any{TypeUrl: "x.y/z", Value: []byte("\n\x01a")}}},
		{"empty any", `{"any":{}}`, &testpb.Known{Any: &anypb.Any{}}},
		{"extension", `{"name":"","[micro.codec.test.extra]":"7","[no.such]":{}}`, extended()},
		{"group", `{"name":"","part":{"text":"a"}}`, &testpb.Old{Name: proto.String(""), Part: &testpb.Old_Part{Text: proto.String("a")}}},
		{"group by the name of its message", `{"name":"","Part":{"text":"a"}}`, &testpb.Old{Name: proto.String(""), Part: &testpb.Old_Part{Text: proto.String("a")}}},
		{"unset value of a known type", `{"long":{},"blob":""}`, &testpb.Known{Long: wrapperspb.Int64(0), Blob: wrapperspb.Bytes(nil)}},
	} {
		for form, f := range forms {
			got := tt.want.ProtoReflect().New().Interface()
			if err := jsonmessage.Unmarshal([]byte(tt.in), got, f); err != nil || !proto.Equal(got, tt.want) {
				t.Errorf("%s, %s: got %v, %v, want %v", tt.name, form, got, err, tt.want)
			}
		}
	}
}

func packed(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}

func extended() *testpb.Old {
	m := &testpb.Old{Name: proto.String("")}
	proto.SetExtension(m, testpb.E_Extra, int64(7))
	return m
}

func TestEncodingJSONsFormOfAOneofIsRead(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want proto.Message
	}{
		{`{"Choice":null,"full_name":"a"}`, &testpb.Everything{FullName: "a"}},
		{`{"Choice":{"Text":"a"},"full_name":"b"}`, &testpb.Everything{FullName: "b", Choice: &testpb.Everything_Text{Text: "a"}}},
		{`{"Choice":{"Number":0}}`, &testpb.Everything{Choice: &testpb.Everything_Number{}}},
		{`{"Choice":{}}`, &testpb.Everything{}},
		{`{"Choice":{"NewOne":[1,{}]}}`, &testpb.Everything{}},
		{`{"Choice":{"Text":null}}`, &testpb.Everything{}},
		{`{"children":[{"Choice":{"Text":"a"}},{"Choice":null}]}`, &testpb.Everything{Children: []*testpb.Everything{{Choice: &testpb.Everything_Text{Text: "a"}}, {}}}},
		{`{"WhichOne":{"APlain":{"u64_value":5,"inner":{}}}}`, &testpb.Known{WhichOne: &testpb.Known_APlain{APlain: &testpb.Plain{U64Value: 5, Inner: &testpb.Plain{}}}}},
		{`{"WhichOne":{"AColour":1}}`, &testpb.Known{WhichOne: &testpb.Known_AColour{AColour: 1}}},
		{`{"WhichOne":{"SomeBytes":"AQ=="}}`, &testpb.Known{WhichOne: &testpb.Known_SomeBytes{SomeBytes: []byte{1}}}},
		{`{"WhichOne":{"String_":"s"}}`, &testpb.Known{WhichOne: &testpb.Known_String_{String_: "s"}}},
		{`{"WhichOne":{"Moment":{"seconds":3}}}`, &testpb.Known{WhichOne: &testpb.Known_Moment{Moment: &timestamppb.Timestamp{Seconds: 3}}}},
	} {
		for form, f := range forms {
			got := tt.want.ProtoReflect().New().Interface()
			if err := jsonmessage.Unmarshal([]byte(tt.in), got, f); err != nil || !proto.Equal(got, tt.want) {
				t.Errorf("%s, %s: got %v, %v", tt.in, form, got, err)
			}
		}
	}
}

// What encoding/json makes of a generated struct is what go-micro v4 sends.
func TestWhatEncodingJSONWritesIsReadBack(t *testing.T) {
	withOneofs := known(t)
	withOneofs.Object, withOneofs.Value, withOneofs.List, withOneofs.ByBool = nil, nil, nil, nil
	for _, m := range []proto.Message{
		plain(), withOneofs,
		&testpb.Everything{Choice: &testpb.Everything_Text{Text: "<"}, At: &timestamppb.Timestamp{Seconds: 5}, Note: wrapperspb.String("n"), Blobs: map[string][]byte{"k": {1}}, Children: []*testpb.Everything{{}}},
		&testpb.Known{WhichOne: &testpb.Known_String_{String_: "x"}},
		&testpb.Old{Name: proto.String("n"), Part: &testpb.Old_Part{}},
	} {
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for form, f := range forms {
			got := m.ProtoReflect().New().Interface()
			if err := jsonmessage.Unmarshal(b, got, f); err != nil || !proto.Equal(got, m) {
				t.Errorf("%s, %s: got %v, %v", form, b, got, err)
			}
		}
	}
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	m := &testpb.Newer{I32: 5, Added: plain(), Also: []string{"a", "\""}, BrandNew: &testpb.Newer_X{X: "x"}}
	byEncodingJSON, err := json.Marshal(m)
	byProtojson, err2 := protojson.Marshal(m)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for _, in := range []string{string(byEncodingJSON), string(byProtojson), write(t, m, jsonmessage.Body), `{"x":[{"y":[[]]}],"i32":5,"z":-1.5e3,"q":{"i32":1}}`, `{"i32":5,"[ext.ension]":1,"@type":"x"}`} {
		for form, f := range forms {
			got := new(testpb.Plain)
			if err := jsonmessage.Unmarshal([]byte(in), got, f); err != nil || !proto.Equal(got, &testpb.Plain{I32: 5}) {
				t.Errorf("%s, %s: got %v, %v", form, in, got, err)
			}
		}
	}
}

// Structs without tags have such names, and encoding/json writes nil elements as
// null.
func TestNamesInAnyCaseAndNullElementsAreRead(t *testing.T) {
	const in = `{"I32":1,"U64Value":2,"longs":[null,1],"words":[null],"colours":[null],"by_name":{"a":null},"by_number":{"1":null},"parts":[null]}`
	want := &testpb.Plain{I32: 1, U64Value: 2, Longs: []int64{0, 1}, Words: []string{""}, Colours: []testpb.Colour{0},
		ByName: map[string]testpb.Colour{"a": 0}, ByNumber: map[int64]*testpb.Plain{1: {}}, Parts: [][]byte{{}}}
	for form, f := range forms {
		got := new(testpb.Plain)
		if err := jsonmessage.Unmarshal([]byte(in), got, f); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: got %v, %v", form, got, err)
		}
		if err := jsonmessage.Unmarshal([]byte(`{"U64_VALUE":3}`), got, f); err != nil || got.U64Value != 3 {
			t.Errorf("%s: got %v, %v", form, got, err)
		}
	}
}

func TestBadInputIsRefused(t *testing.T) {
	deep := strings.Repeat("[", 20000)
	for _, tt := range []struct {
		target proto.Message
		in     []string
	}{
		{new(testpb.Plain), []string{
			``, ` `, `null`, `1`, `"a"`, `[]`, `{`, `{"i32"`, `{"i32":`, `{"i32":1`, `{"i32":1,`, `{"i32":1,}`, `{,}`, `{}}`, `{} {}`, `{}x`, "{}\x00", `{i32:1}`, `{'i32':1}`,
			`{"i32":1 "u32":1}`, `{"i32":1}//`, "\ufeff{}",
			`{"i32":1.5}`, `{"i32":2147483648}`, `{"i32":"2147483648"}`, `{"i32":01}`, `{"i32":1e}`, `{"i32":+1}`, `{"i32":-}`, `{"i32":.5}`, `{"i32":1.}`, `{"i32":1e99999999999}`, `{"i32":1e21}`,
			`{"i32":""}`, `{"i32":" 1"}`, `{"i32":"1 "}`, `{"i32":"0x1"}`, `{"i32":"1_000"}`, `{"i32":true}`, `{"i32":{}}`, `{"i32":[1]}`, `{"i32":NaN}`, `{"i32":"NaN"}`,
			`{"u32":-1}`, `{"f64":18446744073709551616}`, `{"s64":9223372036854775808}`, `{"yes":1}`, `{"yes":"true"}`, `{"yes":tru}`,
			`{"single":1e39}`, `{"twice":1e309}`, `{"twice":"Inf"}`, `{"twice":"nan"}`, `{"twice":"0x1p4"}`, `{"twice":NaN}`, `{"twice":""}`,
			`{"renamed":1}`, `{"renamed":"\x"}`, `{"renamed":"\u12"}`, `{"renamed":"\ud800"}`, `{"renamed":"\ud800\u0041"}`, "{\"renamed\":\"\xff\"}", "{\"renamed\":\"\n\"}", `{"renamed":"a`, `{"renamed":"\`,
			`{"parts":["*"]}`, `{"parts":["A"]}`, `{"parts":[1]}`, `{"maybe_colour":"1"}`, `{"maybe_colour":""}`, `{"maybe_colour":1.5}`, `{"maybe_colour":2147483648}`, `{"maybe_colour":true}`,
			`{"longs":1}`, `{"longs":{}}`, `{"longs":[1,]}`, `{"longs":[,1]}`, `{"longs":[1 2]}`, `{"longs":[`, `{"inner":[]}`, `{"inner":"x"}`,
			`{"by_number":{"x":{}}}`, `{"by_number":{"1":{},"1":{}}}`, `{"by_number":{"1.0":{}}}`, `{"by_number":[]}`, `{"by_name":{"a":1,"a":1}}`,
			`{"i32":1,"i32":1}`, `{"u64_value":1,"u64Value":1}`, `{"i32":null,"i32":1}`,
			`{"unknown":}`, `{"unknown":[1,]}`, `{"unknown":{"a"}}`, `{"unknown":nul}`, `{"unknown":"\ud800"}`, `{"unknown":"` + "\xff" + `"}`, `{"unknown":` + deep, `{"unknown":` + deep + strings.Repeat("]", 20000) + `}`,
			strings.Repeat(`{"inner":`, 20000) + strings.Repeat("}", 20000),
		}},
		{new(testpb.Everything), []string{`{"text":"a","number":1}`, `{"Choice":{"Text":"a","Number":1}}`, `{"Choice":{"Text":"a"},"number":1}`, `{"Choice":{"Text":1}}`, `{"Choice":{"Text":"a"}`, `{"Choice":{"Text":"a"},"text":"a"}`}},
		{new(testpb.Known), []string{
			`{"times":["x"]}`, `{"times":[1]}`, `{"times":[{"seconds":999999999999999}]}`, `{"times":[{"nanos":-1}]}`, `{"times":[{"second":1}]}`, `{"times":[[]]}`, `{"took":{"seconds":1,"nanos":-1}}`,
			`{"took":"1"}`, `{"long":{"valeu":1}}`, `{"long":"x"}`, `{"long":[1]}`, `{"any":{"foo":1}}`, `{"any":{"value":"AQ=="}}`, `{"any":{"type_url":"a/b","other":1}}`, `{"any":"x"}`, `{"any":{"@type":"no.such/type"}}`,
			`{"object":[]}`, `{"object":{"a":}}`, `{"list":{}}`, `{"mask":1}`, `{"by_bool":{"yes":""}}`, `{"value":` + deep + `}`,
		}},
		{new(testpb.Old), []string{`{}`, `{"name":"a","[micro.codec.test.extra]":"x"}`, `{"name":"a","[micro.codec.test.extra]":1,"[micro.codec.test.extra]":1}`, `{"name":"a","part":{"text":1}}`}},
	} {
		for _, in := range tt.in {
			got := tt.target.ProtoReflect().New().Interface()
			err := jsonmessage.Unmarshal([]byte(in), got, jsonmessage.Body)
			if err == nil {
				t.Errorf("%.60s was taken as %v", in, got)
			} else if len(err.Error()) > 500 {
				t.Errorf("%.60s: an error of %d bytes", in, len(err.Error()))
			}
		}
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for in, want := range map[string]string{
		`{"i32": "x"}`:      `JSON at byte 8: "\"x\"}" where a value of micro.codec.test.Plain.i32 should be`,
		`{"longs":[1,true]`: `JSON at byte 12: "true]" where a number should be`,
		`{"i32":1,"i32":2}`: `JSON at byte 15: micro.codec.test.Plain.i32 is there twice`,
		`{"i32":1`:          `JSON at byte 8: it ends where a comma or the end of the object should be`,
	} {
		if err := jsonmessage.Unmarshal([]byte(in), new(testpb.Plain), jsonmessage.Body); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestErrorsAreShortWhateverIsWrong(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, in := range []string{
		`{"times":["%s"]}`, `{"took":"%s"}`, `{"any":{"@type":"%s"}}`, `{"any":{"%s":1,"type_url":"a/b"}}`, `{"by_bool":{"%s":""}}`,
		`{"long":"%s"}`, `{"long":{"%s":1}}`, `{"%s":}`, `{"some_bytes":"%s*"}`, `{"a_colour":"%s-"}`, `%s`, `{"by_bool":{"true":%s}}`,
	} {
		err := jsonmessage.Unmarshal([]byte(strings.ReplaceAll(in, "%s", long)), new(testpb.Known), jsonmessage.Body)
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: %.200v", in, err)
		}
	}
}

func TestNilMessageIsInvalid(t *testing.T) {
	if err := jsonmessage.Unmarshal([]byte(`{}`), (*testpb.Plain)(nil), jsonmessage.Body); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Error(err)
	}
}

func TestFormerContentIsDropped(t *testing.T) {
	m := plain()
	if err := jsonmessage.Unmarshal([]byte(`{"i32":3}`), m, jsonmessage.Body); err != nil || !proto.Equal(m, &testpb.Plain{I32: 3}) {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestMessagesWithoutGeneratedCodeAreCarried(t *testing.T) {
	m := dynamicpb.NewMessage(new(testpb.Everything).ProtoReflect().Descriptor())
	if err := jsonmessage.Unmarshal([]byte(`{"full_name":"a","at":{"seconds":1},"Choice":{"Text":"t"}}`), m, jsonmessage.Body); err != nil {
		t.Fatal(err)
	}
	if got, want := write(t, m, jsonmessage.Body), `{"full_name":"a","text":"t","at":"1970-01-01T00:00:01Z"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzUnmarshal compares with protojson: what that takes is taken, as the same;
// what that refuses is taken in the forms that it does not know alone.
func FuzzUnmarshal(f *testing.F) {
	for _, m := range []proto.Message{plain(), known(f), &testpb.Everything{Choice: &testpb.Everything_Number{Number: 1}}, extended()} {
		f.Add([]byte(write(f, m, jsonmessage.Body)))
		b, err := protojson.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, in := range []string{`{"Choice":{"Text":"a"}}`, `{"i32":1.0e1,"longs":["0e5",-0.0]}`, `{"any":{"@type":"type.googleapis.com/micro.codec.test.Plain"}}`, `{"colours":["A",""]}`} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, target := range []proto.Message{new(testpb.Plain), new(testpb.Known), new(testpb.Everything), new(testpb.Old)} {
			want, got := target.ProtoReflect().New().Interface(), target
			wantErr := protojson.Unmarshal(data, want)
			laxErr := protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, target.ProtoReflect().New().Interface())
			err := jsonmessage.Unmarshal(data, got, jsonmessage.Body)
			_, isPlain := target.(*testpb.Plain)
			switch {
			case wantErr == nil && err == nil:
				if !proto.Equal(got, want) {
					t.Fatalf("got %v, protojson %v", got, want)
				}
			case wantErr == nil && err != nil && !stricter(err, data) && json.Valid(data):
				t.Fatalf("%v, which protojson takes as %v", err, want)
			case laxErr != nil && err == nil && isPlain && !strings.Contains(string(data), "null") && json.Unmarshal(data, new(testpb.Plain)) != nil:
				t.Fatalf("got %v, protojson %v", got, laxErr)
			}
			_ = jsonmessage.Unmarshal(data, got, jsonmessage.Envelope)
		}
	})
}

// stricter reports whether an error is one that protojson does not have: names
// that no enum can have, a oneof that is set twice under its Go name.
func stricter(err error, data []byte) bool {
	text := err.Error()
	for _, f := range []string{"Plain.maybe_colour", "Plain.colours", "by_name", "a_colour", "Everything.colour", "mood", "ByNameEntry", "although", "twice"} {
		if strings.Contains(text, f) {
			return true
		}
	}
	return strings.Contains(string(data), `"any"`)
}

func BenchmarkUnmarshal(b *testing.B) {
	in, err := jsonmessage.Append(nil, plain(), jsonmessage.Body)
	if err != nil {
		b.Fatal(err)
	}
	for name, unmarshal := range map[string]func([]byte, proto.Message) error{
		"here":      func(data []byte, m proto.Message) error { return jsonmessage.Unmarshal(data, m, jsonmessage.Body) },
		"protojson": protojson.Unmarshal,
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			m := new(testpb.Plain)
			for b.Loop() {
				if err := unmarshal(in, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
