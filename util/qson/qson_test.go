package qson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/util/qson"
)

func TestQueriesBecomeNestedJSON(t *testing.T) {
	for query, want := range map[string]string{
		"b=1&a=2":                      `{"a":2,"b":1}`,
		"a=xyz":                        `{"a":"xyz"}`,
		"a=":                           `{"a":""}`,
		"=1":                           `{"":1}`,
		"a=true&b=null&c=-1.5e3&d=1.0": `{"a":true,"b":null,"c":-1.5e3,"d":1.0}`,
		"a=01":                         `{"a":"01"}`,
		"a=1&a=2":                      `{"a":2}`,
		"a[b][c]=1":                    `{"a":{"b":{"c":1}}}`,
		"a[b]=1&a[c]=2&a[b]=3":         `{"a":{"b":3,"c":2}}`,
		"a[]=1&a[]=x":                  `{"a":[1,"x"]}`,
		"a[][b]=1&a[][b]=2":            `{"a":[{"b":1},{"b":2}]}`,
		"a[b][]=1&a[b][]=2":            `{"a":{"b":[1,2]}}`,
		"a[0]=1":                       `{"a":{"0":1}}`,
		"a%5Bb%5D=1":                   `{"a":{"b":1}}`,
		"a=b=c":                        `{"a=b":"c"}`,
		"a=x+y%20z":                    `{"a":"x y z"}`,
		`a={"b":1}&a[c]=2`:             `{"a":{"b":1,"c":2}}`,
	} {
		if got, err := qson.ToJSON(query); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", query, got, err, want)
		}
	}
}

func TestParametersThatCannotBeReadAreRefused(t *testing.T) {
	for _, query := range []string{"", "a", "a=1&b", "a=1&", "a[b=1", "a]=1", "a[b]c=1", "a[b[c]]=1", "a" + strings.Repeat("[b]", 300) + "=1"} {
		if _, err := qson.ToJSON(query); !errors.Is(err, qson.ErrInvalidParam) {
			t.Errorf("%.20q: got %v", query, err)
		}
	}
	for _, query := range []string{"%zz=1", "a=%zz"} {
		if _, err := qson.ToJSON(query); err == nil {
			t.Errorf("%q: got no error", query)
		}
	}
}

func TestNestedValuesAreDecodedOnce(t *testing.T) {
	for query, want := range map[string]string{
		"a[b][c]=1%2B1%3D2": `{"a":{"b":{"c":"1+1=2"}}}`,
		"a[b][c]=100%2525":  `{"a":{"b":{"c":"100%25"}}}`,
		"a[b]=x%2By":        `{"a":{"b":"x+y"}}`,
		"a[]=p%3Dq%26r":     `{"a":["p=q\u0026r"]}`,
	} {
		if got, err := qson.ToJSON(query); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", query, got, err, want)
		}
	}
}

func TestQuotesAndBackslashesAreText(t *testing.T) {
	for query, want := range map[string]string{
		`a=say "hi"`: `{"a":"say \"hi\""}`,
		`a=c:\dir`:   `{"a":"c:\\dir"}`,
		`a="`:        `{"a":"\""}`,
	} {
		if got, err := qson.ToJSON(query); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", query, got, err, want)
		}
	}
}

func TestShapeConflictsAreErrors(t *testing.T) {
	for _, query := range []string{"a=1&a[b]=2", "a[b]=2&a=1", "a[]=1&a=2", "a=1&a[]=2", "a[b]=1&a[]=2", "a[]=1&a[b]=2", "x[a]=1&x[a][b]=2"} {
		if got, err := qson.ToJSON(query); err == nil {
			t.Errorf("%s: got %s", query, got)
		}
	}
}

func TestLargeIntegersKeepTheirPrecision(t *testing.T) {
	const query = "a=9007199254740993"
	if got, err := qson.ToJSON(query); err != nil || string(got) != `{"a":9007199254740993}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAQueryIsDecodedIntoAStruct(t *testing.T) {
	var dst struct {
		Name string
		Tags []string
		At   struct{ X, Y int }
	}
	if err := qson.Unmarshal(&dst, "name=ada&tags[]=a&tags[]=b&at[x]=1&at[y]=2"); err != nil {
		t.Fatal(err)
	}
	if dst.Name != "ada" || len(dst.Tags) != 2 || dst.At.X != 1 || dst.At.Y != 2 {
		t.Errorf("got %+v", dst)
	}
	if err := qson.Unmarshal(&dst, "name"); !errors.Is(err, qson.ErrInvalidParam) {
		t.Errorf("got %v", err)
	}
}

func FuzzToJSON(f *testing.F) {
	for _, seed := range []string{"", "a=1", "a[b][]=x&a[b][]=%22", "a[][b]={}", "a=[1]&a[]=2", "[]=1&=2", "a=%zz", `a={"b":{}}&a[b][c]=1`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		b, err := qson.ToJSON(query)
		if err != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(b, &object); err != nil {
			t.Errorf("%q gave %s: %v", query, b, err)
		}
	})
}

func ExampleToJSON() {
	b, err := qson.ToJSON("name=Ada&address[city]=London&tags[]=math&tags[]=1843")
	fmt.Println(string(b), err)
	// Output: {"address":{"city":"London"},"name":"Ada","tags":["math",1843]} <nil>
}
