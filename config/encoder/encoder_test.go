package encoder_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/encoder/hcl"
	"github.com/justcy/go-micro/v4/config/encoder/json"
	"github.com/justcy/go-micro/v4/config/encoder/toml"
	"github.com/justcy/go-micro/v4/config/encoder/xml"
	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/reader"
	readerjson "github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
)

var all = []encoder.Encoder{json.NewEncoder(), yaml.NewEncoder(), toml.NewEncoder(), hcl.NewEncoder(), xml.NewEncoder()}

func newReader() reader.Reader {
	var opts []reader.Option
	for _, e := range all {
		opts = append(opts, reader.WithEncoder(e))
	}
	return readerjson.NewReader(opts...)
}

func TestFormatsAreRead(t *testing.T) {
	for _, tt := range []struct{ name, format, text, want string }{
		{"json", "json", `{"a":{"b":[1,"x"]}}`, `{"a":{"b":[1,"x"]}}`},
		{"yaml", "yaml", "a:\n  b: [1, x]\n  2: yes\n", `{"a":{"2":true,"b":[1,"x"]}}`},
		{"yaml booleans", "yaml", "debug: off\nagain: Yes\non: [y, N, 'on', \"no\", yEs, !!bool on, !!str on]\nblock: |-\n  on\n", `{"again":true,"block":"on","debug":false,"true":[true,false,"on","no","yEs",true,"on"]}`},
		{"yaml dates", "yaml", "day: 2020-01-02\n2021-01-02: 2020-01-02T03:04:05Z\nforced: !!timestamp 2020-01-02\n", `{"2021-01-02":"2020-01-02T03:04:05Z","day":"2020-01-02","forced":"2020-01-02"}`},
		{"yaml by its other extension", "yml", "a: 9007199254740993", `{"a":9007199254740993}`},
		{"yaml anchors", "yaml", "x: &x {p: 1}\na: {<<: *x, q: 2}", `{"a":{"p":1,"q":2},"x":{"p":1}}`},
		{"an empty yaml document", "yaml", "# nothing\n", `{}`},
		{"toml", "toml", "[a]\nb = [1, 2]\nc = 2020-01-02T03:04:05Z\n[[d]]\ne = 1.5\n", `{"a":{"b":[1,2],"c":"2020-01-02T03:04:05Z"},"d":[{"e":1.5}]}`},
		{"yaml keys over merged ones", "yaml", "x: &x {p: on}\na: {<<: *x, p: off}", `{"a":{"p":false},"x":{"p":true}}`},
		{"hcl", "hcl", "a = 1\nb {\n  c = \"x\"\n}\n", `{"a":1,"b":[{"c":"x"}]}`},
		{"hcl as json", "hcl", `{"a": "x"}`, `{"a":"x"}`},
		{"xml", "xml", `<?xml version="1.0"?><config><a id="1">t</a><b>x</b><b>y</b><c><d/></c></config>`, `{"a":{"#text":"t","id":"1"},"b":["x","y"],"c":{"d":""}}`},
		{"an empty xml document", "xml", `<config/>`, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			merged, err := newReader().Merge(&source.ChangeSet{Data: []byte(tt.text), Format: tt.format})
			if err != nil || string(merged.Data) != tt.want {
				t.Errorf("read %v, %v, want %s", merged, err, tt.want)
			}
		})
	}
}

func TestAByteOrderMarkIsNoPartOfAnyFormat(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	for format, text := range map[string]string{
		"json": `{"a":"x"}`, "yaml": "a: x", "yml": "a: x", "toml": `a = "x"`, "hcl": `a = "x"`, "xml": `<?xml version="1.0"?><c><a>x</a></c>`, "": `{"a":"x"}`,
	} {
		merged, err := newReader().Merge(&source.ChangeSet{Data: []byte(mark + text), Format: format})
		if want := `{"a":"x"}`; err != nil || string(merged.Data) != want {
			t.Errorf("%s: read %v, %v, want %s", format, merged, err, want)
		}
		if _, err := newReader().Merge(&source.ChangeSet{Data: []byte(mark), Format: format}); err != nil {
			t.Errorf("%s: a mark with nothing behind it: %v", format, err)
		}
	}
}

func TestEncodedYAMLIsReadAsItWas(t *testing.T) {
	document := map[string]any{"on": "off", "y": "2020-01-02", "words": []any{"yes", "NO", "1", "1e3", "~", "null"}, "is": true}
	data, err := yaml.NewEncoder().Encode(document)
	if err != nil {
		t.Fatal(err)
	}
	decoded := map[string]any{}
	if err := yaml.NewEncoder().Decode(data, &decoded); err != nil || !reflect.DeepEqual(decoded, document) {
		t.Errorf("%v became %v, %v, by way of\n%s", document, decoded, err, data)
	}
}

func TestDocumentsThatAreNoObjectsAreRefused(t *testing.T) {
	for format, text := range map[string]string{
		"json": `[1]`, "yaml": "- a", "toml": "a", "hcl": "a b", "xml": "<a>text</a>",
	} {
		if merged, err := newReader().Merge(&source.ChangeSet{Data: []byte(text), Format: format, Source: "test"}); err == nil || !strings.Contains(err.Error(), "source test") {
			t.Errorf("%s %q was read as %v, %v", format, text, merged, err)
		}
	}
}

func TestDeepDocumentsAreRefused(t *testing.T) {
	const n = 1 << 20
	for format, text := range map[string]string{
		"json": strings.Repeat("[", n),
		"yaml": strings.Repeat("[", n),
		"toml": "a = " + strings.Repeat("[", n),
		"hcl":  "a = " + strings.Repeat("[", n),
		"xml":  strings.Repeat("<a>", n),
	} {
		if _, err := newReader().Merge(&source.ChangeSet{Data: []byte(text), Format: format}); err == nil {
			t.Errorf("%s nested a million deep is no error", format)
		}
	}
}

func TestWhatIsEncodedIsDecodedAsItWas(t *testing.T) {
	document := map[string]any{"text": "x: \"y\" <z>", "list": []any{"a", "b"}, "object": map[string]any{"key": "value"}}
	for _, e := range all {
		data, err := e.Encode(document)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		decoded := map[string]any{}
		if err := e.Decode(data, &decoded); err != nil {
			t.Fatalf("%s: %v\n%s", e, err, data)
		}
		if e.String() == "hcl" { // a block is an array of objects
			decoded["object"] = decoded["object"].([]map[string]any)[0]
		}
		if !reflect.DeepEqual(decoded, document) {
			t.Errorf("%s: %v became %v, by way of\n%s", e, document, decoded, data)
		}
	}
}

func TestStructsAreEncodedByTheirTags(t *testing.T) {
	type server struct {
		Port int `json:"port" toml:"port" hcl:"port" xml:"port"`
	}
	for _, e := range all {
		data, err := e.Encode(server{Port: 80})
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		var decoded server
		if err := e.Decode(data, &decoded); err != nil || decoded.Port != 80 {
			t.Errorf("%s: decoded %+v, %v from\n%s", e, decoded, err, data)
		}
	}
}

func fuzz(f *testing.F, e encoder.Encoder, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	r := newReader()
	f.Fuzz(func(t *testing.T, data []byte) {
		merged, err := r.Merge(&source.ChangeSet{Data: data, Format: e.String()})
		if err != nil {
			return
		}
		if _, err := r.Values(merged); err != nil {
			t.Fatalf("%q became %s, which cannot be read: %v", data, merged.Data, err)
		}
	})
}

func FuzzYAML(f *testing.F) {
	fuzz(f, yaml.NewEncoder(), "a: [1, x]", "x: &x {p: 1}\na: *x", "? [a]\n: b", "!!binary x")
}
func FuzzTOML(f *testing.F) { fuzz(f, toml.NewEncoder(), "[a]\nb=1", "a.b.c = [1,[2]]", "a = inf") }
func FuzzHCL(f *testing.F)  { fuzz(f, hcl.NewEncoder(), "a = 1\nb \"x\" { c = 2 }", `{"a":1}`) }
func FuzzXML(f *testing.F)  { fuzz(f, xml.NewEncoder(), `<a b="1">x<c/></a>`, "<a>") }
