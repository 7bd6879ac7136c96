package json_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/reader"
	readerjson "github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source"
)

func set(text string) *source.ChangeSet {
	return &source.ChangeSet{Data: []byte(text), Format: "json", Source: "test"}
}

func sets(texts ...string) []*source.ChangeSet {
	var all []*source.ChangeSet
	for _, text := range texts {
		all = append(all, set(text))
	}
	return all
}

func merge(t testing.TB, texts ...string) string {
	t.Helper()
	merged, err := readerjson.NewReader().Merge(sets(texts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return string(merged.Data)
}

func values(t testing.TB, text string) reader.Values {
	t.Helper()
	v, err := readerjson.NewReader().Values(set(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLaterDocumentsOverrideEarlierOnes(t *testing.T) {
	for _, tt := range []struct{ name, left, right, want string }{
		{"objects are merged", `{"a":{"b":1,"c":2}}`, `{"a":{"c":3,"d":4}}`, `{"a":{"b":1,"c":3,"d":4}}`},
		{"zero replaces", `{"a":1}`, `{"a":0}`, `{"a":0}`},
		{"false replaces", `{"a":true}`, `{"a":false}`, `{"a":false}`},
		{"empty text replaces", `{"a":"x"}`, `{"a":""}`, `{"a":""}`},
		{"null replaces", `{"a":{"b":1}}`, `{"a":null}`, `{"a":null}`},
		{"a scalar replaces an object", `{"a":{"b":1}}`, `{"a":1}`, `{"a":1}`},
		{"an empty object changes no object", `{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`},
		{"arrays are replaced, not joined", `{"a":[1,2]}`, `{"a":[3]}`, `{"a":[3]}`},
		{"an object replaces null", `{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		{"a missing key is kept", `{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`},
		{"a null document changes nothing", `{"a":1}`, `null`, `{"a":1}`},
		{"an empty set is skipped", `{"a":1}`, ``, `{"a":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := merge(t, tt.left, tt.right); got != tt.want {
				t.Errorf("merged %s and %s to %s, want %s", tt.left, tt.right, got, tt.want)
			}
		})
	}
}

func TestAnObjectReplacesAScalar(t *testing.T) {
	for _, left := range []string{`1`, `"text"`, `true`, `[1,2]`} {
		if got, want := merge(t, `{"a":`+left+`}`, `{"a":{"b":1}}`), `{"a":{"b":1}}`; got != want {
			t.Errorf("an object over %s gave %s, want %s", left, got, want)
		}
	}
}

func TestIntegersAbove2To53AreKept(t *testing.T) {
	const big = `{"a":9007199254740993,"b":0.1000,"c":12345678901234567890123}`
	if got := merge(t, big); got != big {
		t.Errorf("numbers became %s, want %s", got, big)
	}
	if got := values(t, big).Get("a").Int(0); got != 9007199254740993 {
		t.Errorf("read %d", got)
	}
}

func TestAMergedSetIsADescribedDocument(t *testing.T) {
	r := readerjson.NewReader()
	merged, err := r.Merge(nil, set(`{"b":1,"a":2}`), &source.ChangeSet{})
	if err != nil {
		t.Fatal(err)
	}
	if merged.Format != "json" || merged.Source != "json" || merged.Checksum != merged.Sum() || merged.Timestamp.IsZero() || r.String() != "json" {
		t.Errorf("the merged set is %+v", merged)
	}
	if nothing, err := r.Merge(); err != nil || string(nothing.Data) != "null" {
		t.Errorf("merging nothing gave %v, %v", nothing, err)
	}
}

func TestMergeKeepsPlaceholders(t *testing.T) {
	t.Setenv("CONFIG_TEST_NAME", "expanded")
	const text = `{"a":"${CONFIG_TEST_NAME}"}`
	if got := merge(t, text); got != text {
		t.Errorf("merged to %s", got)
	}
	if got := values(t, text).Get("a").String(""); got != "expanded" {
		t.Errorf("read %q", got)
	}
}

func TestBrokenDocumentsAreNamed(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 300) + `1` + strings.Repeat(`}`, 300)
	for name, tt := range map[string]struct {
		set  *source.ChangeSet
		want []string
	}{
		"syntax":         {set("{\n  \"a\": 1,\n  b\n}"), []string{"source test", "line 3, column 3"}},
		"cut short":      {set(`{"a":`), []string{"source test", "cut short"}},
		"no object":      {set(`[1]`), []string{"source test", "an array", "want an object"}},
		"text after":     {set(`{"a":1} x`), []string{"line 1, column 9", "after the end"}},
		"too deep":       {set(deep), []string{"a.a.a.a", "nested more than 256 deep"}},
		"unknown format": {&source.ChangeSet{Data: []byte("a: 1"), Format: "yaml", Source: "file"}, []string{"source file", "format yaml", "reader.WithEncoder"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readerjson.NewReader().Merge(set(`{}`), tt.set)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want it to tell %q", err, want)
				}
			}
		})
	}
	if _, err := readerjson.NewReader().Values(set(deep)); err == nil {
		t.Error("values of a document that is too deep are no error")
	}
}

func TestMergeIsDeterministic(t *testing.T) {
	for seed := range uint64(200) {
		texts := generate(seed, 3, true)
		if first, second := merge(t, texts...), merge(t, texts...); first != second {
			t.Fatalf("%q merged to %s and to %s", texts, first, second)
		}
	}
}

// TestMergeIsAssociative is about sources that agree on what is an object. When
// they do not, an object that replaces a scalar loses what an earlier source
// had below it, as merging goes from left to right.
func TestMergeIsAssociative(t *testing.T) {
	for seed := range uint64(500) {
		d := generate(seed, 3, false)
		left, right := merge(t, merge(t, d[0], d[1]), d[2]), merge(t, d[0], merge(t, d[1], d[2]))
		if left != right {
			t.Fatalf("%q merged to %s from the left and to %s from the right", d, left, right)
		}
	}
}

func TestMergedJSONIsThatOfTheStandardLibrary(t *testing.T) {
	texts := generate(1, 1, true)
	texts = append(texts, `{"é <&>\u2028\"\\\n":"\u0000\ud800x","~ !":[],"e":{}}`)
	for seed := range uint64(200) {
		texts = append(texts, generate(seed, 1, true)...)
	}
	for _, text := range texts {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := merge(t, text); got != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMergeGoesFromLeftToRight(t *testing.T) {
	for seed := range uint64(500) {
		d := generate(seed, 3, true)
		if all, folded := merge(t, d...), merge(t, merge(t, d[0], d[1]), d[2]); all != folded {
			t.Fatalf("%q merged to %s at once, and to %s in steps", d, all, folded)
		}
	}
}

// generate makes n documents. Without conflicts a key that is an object in one
// is an object in all.
func generate(seed uint64, n int, conflicts bool) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	var object func(depth int) map[string]any
	object = func(depth int) map[string]any {
		o := map[string]any{}
		for range r.IntN(5) {
			key := r.IntN(6)
			nested := key < 3
			if conflicts {
				nested = r.IntN(2) == 0
			}
			switch {
			case nested && depth < 4:
				o[strconv.Itoa(key)] = object(depth + 1)
			case !nested:
				o[strconv.Itoa(key)] = []any{nil, 0, 1.5, "", "text", true, []any{1}, []any{}}[r.IntN(8)]
			}
		}
		return o
	}
	var texts []string
	for range n {
		text, _ := json.Marshal(object(0))
		texts = append(texts, string(text))
	}
	return texts
}

func TestValuesRefuseASetOfAnotherFormat(t *testing.T) {
	r := readerjson.NewReader()
	if _, err := r.Values(nil); err == nil || err.Error() != "changeset is nil" {
		t.Errorf("no set: %v", err)
	}
	if _, err := r.Values(&source.ChangeSet{Format: "yaml"}); err == nil || err.Error() != "unsupported format" {
		t.Errorf("another format: %v", err)
	}
	if got := values(t, "not json").Get().String(""); got != "not json" {
		t.Errorf("text that is no JSON is %q", got)
	}
	if values(t, `[1]`).Map() != nil {
		t.Error("an array has a map")
	}
}

func TestValuesConvertOrGiveTheDefault(t *testing.T) {
	v := values(t, `{
		"int": 42, "negative": -1, "float": 1.5, "huge": 1e20, "whole": 1e3,
		"text": "hello", "number": "42", "decimal": "1.5", "yes": "true", "one": "1", "empty": "",
		"bool": true, "duration": "1m30s", "list": "a, b,c", "array": ["a", null, "c"], "mixed": ["a", 1],
		"object": {"a": 1, "b": "x", "c": null}, "null": null
	}`)
	get := func(key string) reader.Value { return v.Get(key) }
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"bool", get("bool").Bool(false), true},
		{"bool of text", get("yes").Bool(false), true},
		{"bool of 1 as text", get("one").Bool(false), true},
		{"bool of a number", get("int").Bool(true), true},
		{"bool of other text", get("text").Bool(true), true},
		{"int", get("int").Int(7), 42},
		{"negative int", get("negative").Int(7), -1},
		{"int in another notation", get("whole").Int(7), 1000},
		{"int of text", get("number").Int(7), 42},
		{"int of a fraction", get("float").Int(7), 7},
		{"int that is too large", get("huge").Int(7), 7},
		{"int of a fraction as text", get("decimal").Int(7), 7},
		{"float", get("float").Float64(7), 1.5},
		{"float of an int", get("int").Float64(7), 42.0},
		{"float of text", get("decimal").Float64(7), 1.5},
		{"float of a boolean", get("bool").Float64(7), 7.0},
		{"string", get("text").String("d"), "hello"},
		{"empty string", get("empty").String("d"), ""},
		{"string of a number", get("int").String("d"), "d"},
		{"string of a boolean", get("bool").String("d"), "d"},
		{"duration", get("duration").Duration(time.Second), 90 * time.Second},
		{"duration of a number", get("int").Duration(time.Second), time.Second},
		{"slice of text", get("list").StringSlice(nil), []string{"a", " b", "c"}},
		{"slice of empty text", get("empty").StringSlice(nil), []string{""}},
		{"slice", get("array").StringSlice(nil), []string{"a", "", "c"}},
		{"slice of an object", get("object").StringSlice([]string{"d"}), []string{"d"}},
		{"map", get("object").StringMap(nil), map[string]string{"a": "1", "b": "x", "c": "<nil>"}},
		{"map of an array", get("array").StringMap(map[string]string{"d": "d"}), map[string]string{"d": "d"}},
		{"bytes of text", string(get("text").Bytes()), "hello"},
		{"bytes of an object", string(get("object").Bytes()), `{"a":1,"b":"x","c":null}`},
		{"bytes of a missing value", string(get("missing").Bytes()), "null"},
		{"below a scalar", v.Get("int", "below").Int(7), 7},
		{"below an array", v.Get("array", "0").String("d"), "d"},
		{"missing", get("missing").Int(7), 7},
		{"null", get("null").String("d"), "d"},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestAMixedArrayIsTheDefault(t *testing.T) {
	def := []string{"default"}
	if got := values(t, `{"a":["x",1]}`).Get("a").StringSlice(def); !reflect.DeepEqual(got, def) {
		t.Errorf("a mixed array is %v, want the default", got)
	}
}

func TestScanNamesThePathOfAWrongType(t *testing.T) {
	v := values(t, `{"server":{"address":":80","port":"x"}}`)
	var s struct{ Server struct{ Address string } }
	if err := v.Scan(&s); err != nil || s.Server.Address != ":80" {
		t.Errorf("scanned %+v, %v", s, err)
	}
	kept := 5
	if err := v.Get("missing").Scan(&kept); err != nil || kept != 5 {
		t.Errorf("a missing value scanned as %d, %v", kept, err)
	}
	var port int
	err := v.Get("server", "port").Scan(&port)
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "server.port") {
		t.Errorf("a wrong type is %v, want the path", err)
	}
}

func TestScanReadsTextAsTheAccessorsDo(t *testing.T) {
	type embedded struct {
		Retries uint8 `json:"retries"`
	}
	type settings struct {
		embedded
		Timeout  time.Duration
		Pause    *time.Duration `json:"pause_between,omitempty"`
		Port     int
		Ratio    float32
		Debug    bool
		Pin      string
		Quoted   int             `json:",string"`
		Each     []time.Duration `json:"each"`
		ByName   map[string]time.Duration
		Nested   struct{ Wait time.Duration }
		When     time.Time
		Raw      json.RawMessage
		Anything any
		Number   json.Number
	}
	v := values(t, `{"timeout":"3s","pause_between":"1m","PORT":"0080","ratio":"1.5","debug":"t","pin":"007","quoted":"5","retries":"3",
		"each":["1s",2],"byname":{"a":"1ms"},"nested":{"wait":"1h"},"when":"2020-01-02T03:04:05Z","raw":"1","anything":"1","number":"12"}`)
	pause := time.Minute
	want := settings{
		embedded: embedded{3}, Timeout: 3 * time.Second, Pause: &pause, Port: 80, Ratio: 1.5, Debug: true, Pin: "007", Quoted: 5,
		Each: []time.Duration{time.Second, 2}, ByName: map[string]time.Duration{"a": time.Millisecond},
		Nested: struct{ Wait time.Duration }{time.Hour}, When: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC),
		Raw: json.RawMessage(`"1"`), Anything: "1", Number: "12",
	}
	var got settings
	if err := v.Scan(&got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("scanned %+v, %v, want %+v", got, err, want)
	}
	var d time.Duration
	if err := v.Get("timeout").Scan(&d); err != nil || d != 3*time.Second {
		t.Errorf("a single value scanned as %v, %v", d, err)
	}
}

func TestScanRefusesTextThatIsNoNumber(t *testing.T) {
	for text, target := range map[string]any{
		`"soon"`: new(time.Duration), `"3"`: new(time.Duration), `"x"`: new(int), `"1.5"`: new(int64), `"300"`: new(int8), `"-1"`: new(uint),
		`"NaN"`: new(float64), `"1e999"`: new(float32), `"maybe"`: new(bool), `""`: new(int), `7`: new(string), `true`: new(int), `"a,b"`: new([]string),
	} {
		if err := values(t, `{"a":`+text+`}`).Get("a").Scan(target); err == nil {
			t.Errorf("%s was scanned into %T as %v", text, target, reflect.ValueOf(target).Elem())
		}
	}
}

func TestSetAndDelLeaveValuesTakenBeforeAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(reader.Values)
		want   string
	}{
		{"set", func(v reader.Values) { v.Set(2, "a", "b") }, `{"a":{"b":2},"c":3}`},
		{"set below a scalar", func(v reader.Values) { v.Set("x", "c", "d", "e") }, `{"a":{"b":1},"c":{"d":{"e":"x"}}}`},
		{"set the root", func(v reader.Values) { v.Set([]int{1}) }, `[1]`},
		{"set a struct", func(v reader.Values) { v.Set(struct{ X int }{1}, "c") }, `{"a":{"b":1},"c":{"X":1}}`},
		{"set what JSON has no form for", func(v reader.Values) { v.Set(func() {}, "c") }, `{"a":{"b":1},"c":3}`},
		{"delete", func(v reader.Values) { v.Del("c") }, `{"a":{"b":1}}`},
		{"delete deeper", func(v reader.Values) { v.Del("a", "b") }, `{"a":{},"c":3}`},
		{"delete below a scalar", func(v reader.Values) { v.Del("c", "x") }, `{"a":{"b":1},"c":3}`},
		{"delete all", func(v reader.Values) { v.Del() }, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := values(t, `{"a":{"b":1},"c":3}`)
			before := v.Get()
			tt.change(v)
			if got := string(v.Bytes()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := string(before.Bytes()); got != `{"a":{"b":1},"c":3}` {
				t.Errorf("a value taken before is now %s", got)
			}
		})
	}
}

func TestDelBelowAMissingParentDoesNothing(t *testing.T) {
	v := values(t, `{"a":1}`)
	v.Del("x", "y")
	if got := string(v.Bytes()); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
}

func TestMapIsACopy(t *testing.T) {
	v := values(t, `{"a":{"b":[1]}}`)
	m := v.Map()
	m["a"].(map[string]any)["b"].([]any)[0] = 2
	maps.DeleteFunc(m, func(string, any) bool { return true })
	if got := string(v.Bytes()); got != `{"a":{"b":[1]}}` || v.Get("a", "b").StringSlice(nil) != nil {
		t.Errorf("changing the map changed the values: %s", got)
	}
}

func TestValuesMayBeUsedConcurrently(t *testing.T) {
	v := values(t, `{"a":{"b":1}}`)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100 {
				v.Set(n, "a", strconv.Itoa(i))
				v.Get("a", "b").Int(0)
				v.Bytes()
				v.Del("a", strconv.Itoa(i))
			}
		})
	}
	wg.Wait()
	if got := string(v.Bytes()); got != `{"a":{"b":1}}` {
		t.Errorf("got %s", got)
	}
}

// lines is a format of lines of the form key=value.
type lines struct{ value any }

func (lines) Encode(any) ([]byte, error) { return nil, errors.New("not supported") }
func (lines) String() string             { return "lines" }
func (l lines) Decode(data []byte, v any) error {
	m := *v.(*map[string]any)
	for line := range strings.Lines(string(data)) {
		key, text, _ := strings.Cut(strings.TrimSpace(line), "=")
		m[key] = text
	}
	if l.value != nil {
		m["value"] = l.value
	}
	return nil
}

func TestOtherFormatsAreMergedAsJSON(t *testing.T) {
	input := &source.ChangeSet{Data: []byte("a=1\nb=2"), Format: "lines", Source: "test"}
	for name, tt := range map[string]struct {
		value any
		want  string
	}{
		"text":    {nil, `{"a":"1","b":"2"}`},
		"keys":    {map[any]any{1: "x", true: []any{int64(1 << 60)}}, `{"a":"1","b":"2","value":{"1":"x","true":[1152921504606846976]}}`},
		"tables":  {[]map[string]any{{"x": 1.5}}, `{"a":"1","b":"2","value":[{"x":1.5}]}`},
		"numbers": {[]any{uint64(1 << 63), 7}, `{"a":"1","b":"2","value":[9223372036854775808,7]}`},
		"times":   {time.Unix(0, 0).UTC(), `{"a":"1","b":"2","value":"1970-01-01T00:00:00Z"}`},
	} {
		merged, err := readerjson.NewReader(reader.WithEncoder(lines{tt.value})).Merge(input)
		if err != nil || string(merged.Data) != tt.want {
			t.Errorf("%s: merged to %s, %v, want %s", name, merged.Data, err, tt.want)
		}
	}
	inf := map[string]any{"deep": inf()}
	if _, err := readerjson.NewReader(reader.WithEncoder(lines{inf})).Merge(input); err == nil || !strings.Contains(err.Error(), "value.deep") {
		t.Errorf("a number JSON does not have is %v, want the path", err)
	}
}

func inf() float64 { f, _ := strconv.ParseFloat("inf", 64); return f }

// commented is JSON whose lines may begin with a hash.
type commented struct{ encoder.Encoder }

func (commented) String() string             { return "json" }
func (commented) Encode(any) ([]byte, error) { return nil, errors.New("not supported") }
func (commented) Decode(data []byte, v any) error {
	var kept []string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return json.Unmarshal([]byte(strings.Join(kept, "")), v)
}

func TestJSONEncoderCanBeReplaced(t *testing.T) {
	r := readerjson.NewReader(reader.WithEncoder(commented{}))
	merged, err := r.Merge(set("# a comment\n{\"a\":9007199254740993}"))
	if err != nil || string(merged.Data) != `{"a":9007199254740993}` {
		t.Errorf("got %v, %v", merged, err)
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,null,"${HOME}"]}}`, `[`, `{"a":1}{`, `null`, `"x"`, strings.Repeat("[", 500)} {
		f.Add([]byte(seed), []byte(`{"a":{"c":1e400}}`))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r := readerjson.NewReader()
		merged, err := r.Merge(&source.ChangeSet{Data: a, Format: "json"}, &source.ChangeSet{Data: b})
		if err != nil {
			return
		}
		v, err := r.Values(merged)
		if err != nil {
			t.Fatalf("%s cannot be read: %v", merged.Data, err)
		}
		if !json.Valid(v.Bytes()) {
			t.Fatalf("the values are no JSON: %s", v.Bytes())
		}
		for key := range v.Map() {
			v.Get(key, "b").Int(0)
			v.Get(key).StringSlice(nil)
			v.Get(key).Float64(0)
		}
		v.Del("a", "b")
	})
}
