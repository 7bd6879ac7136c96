package errors_test

import (
	stderrors "errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/errors"
)

func TestConstructorsSetCodeAndStatus(t *testing.T) {
	tests := []struct {
		make   func(id, format string, a ...any) error
		code   int32
		status string
	}{
		{errors.BadRequest, 400, "Bad Request"},
		{errors.Unauthorized, 401, "Unauthorized"},
		{errors.Forbidden, 403, "Forbidden"},
		{errors.NotFound, 404, "Not Found"},
		{errors.MethodNotAllowed, 405, "Method Not Allowed"},
		{errors.Timeout, 408, "Request Timeout"},
		{errors.Conflict, 409, "Conflict"},
		{errors.InternalServerError, 500, "Internal Server Error"},
	}
	for _, tt := range tests {
		got := tt.make("some.id", "%d of %s", 3, "x").(*errors.Error)
		want := &errors.Error{Id: "some.id", Code: tt.code, Detail: "3 of x", Status: tt.status}
		if !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestTextIsJSONInFixedOrder(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errors.Timeout("go.micro.client", "x"), `{"id":"go.micro.client","code":408,"detail":"x","status":"Request Timeout"}`},
		{errors.New("", "", 0), `{}`},
		{errors.New("", "d", 0), `{"detail":"d"}`},
		{errors.New("", "", 999), `{"code":999}`},
		{errors.New("a", "<\"ü\n&\x7f\xff", -1), "{\"id\":\"a\",\"code\":-1,\"detail\":\"\\u003c\\\"ü\\n\\u0026\x7f\\ufffd\"}"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestTextThatIsNoErrorIsParsedAsItsDetail(t *testing.T) {
	long := "{" + strings.Repeat(" ", 2<<20) + "}"
	tests := []struct {
		name, text string
		want       *errors.Error
	}{
		{"error", `{"id":"a","code":408,"detail":"d","status":"s"}`, &errors.Error{Id: "a", Code: 408, Detail: "d", Status: "s"}},
		{"some fields", ` {"code":500,"more":[1]}`, &errors.Error{Code: 500}},
		{"empty object", `{}`, &errors.Error{}},
		{"plain", `no such thing`, &errors.Error{Detail: "no such thing"}},
		{"empty", ``, &errors.Error{}},
		{"wrong types", `{"id":"a","code":"x"}`, &errors.Error{Detail: `{"id":"a","code":"x"}`}},
		{"another object", `{"error":"x"}`, &errors.Error{Detail: `{"error":"x"}`}},
		{"null", `null`, &errors.Error{Detail: "null"}},
		{"too long", long, &errors.Error{Detail: long}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errors.Parse(tt.text); !proto.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestErrorsOfOneCodeAreEqual(t *testing.T) {
	notFound := errors.NotFound("a", "x")
	tests := []struct {
		name string
		a, b error
		want bool
	}{
		{"same code", notFound, errors.NotFound("b", "y"), true},
		{"other code", notFound, errors.BadRequest("a", "x"), false},
		{"one of another kind", notFound, io.EOF, false},
		{"wrapped counts as another kind", notFound, fmt.Errorf("w: %w", notFound), false},
		{"identical", io.EOF, io.EOF, true},
		{"different", io.EOF, io.ErrNoProgress, false},
		{"nil", nil, nil, true},
		{"nil and another", nil, io.EOF, false},
		{"types without ==", uncomparable{"a"}, uncomparable{"a"}, false},
	}
	for _, tt := range tests {
		if got := errors.Equal(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

type uncomparable []string

func (u uncomparable) Error() string { return u[0] }

func TestStandardIsAndAsCompareCodeAndId(t *testing.T) {
	err := fmt.Errorf("calling: %w", errors.NotFound("greeter", "nobody"))
	tests := []struct {
		name   string
		err    error
		target error
		want   bool
	}{
		{"code alone", err, &errors.Error{Code: 404}, true},
		{"code and id", err, &errors.Error{Code: 404, Id: "greeter"}, true},
		{"other id", err, &errors.Error{Code: 404, Id: "other"}, false},
		{"other code", err, &errors.Error{Code: 400}, false},
		{"plain texts", errors.Parse("a"), errors.Parse("b"), false},
		{"equal plain texts", errors.Parse("a"), errors.Parse("a"), true},
	}
	for _, tt := range tests {
		if got := stderrors.Is(tt.err, tt.target); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
	if e, ok := errors.As(err); !ok || e.Code != 404 {
		t.Errorf("As returned %v, %v", e, ok)
	}
	for _, other := range []error{nil, io.EOF} {
		if e, ok := errors.As(other); ok || e != nil {
			t.Errorf("As(%v) returned %v, %v", other, e, ok)
		}
	}
}

func TestFromErrorFindsTheErrorOrParsesTheText(t *testing.T) {
	e := errors.Conflict("a", "b").(*errors.Error)
	if got := errors.FromError(e); got != e {
		t.Errorf("got %v, want the error itself", got)
	}
	if got := errors.FromError(nil); got != nil {
		t.Errorf("got %v for nil", got)
	}
	if got := errors.FromError(stderrors.New(e.Error())); !proto.Equal(got, e) {
		t.Errorf("got %v, want %v from its text", got, e)
	}
	if got := errors.FromError(io.EOF); got.Detail != "EOF" || got.Code != 0 {
		t.Errorf("got %v for a plain error", got)
	}
}

func TestFromErrorUnwrapsWrappedError(t *testing.T) {
	e := errors.Conflict("a", "b").(*errors.Error)
	if got := errors.FromError(fmt.Errorf("saving: %w", e)); got != e {
		t.Errorf("got %v, want the wrapped error", got)
	}
}

// The text is no format.
func TestPercentInErrorTextIsNotGarbled(t *testing.T) {
	const text = "disk 100% full: %s %d %%"
	got := errors.FromError(errors.InternalServerError("a", text))
	if got.Detail != text {
		t.Errorf("got %q, want %q", got.Detail, text)
	}
}

func TestAMultiErrorListsItsErrors(t *testing.T) {
	m := errors.NewMultiError()
	if m.HasErrors() || m.Error() != "{}" {
		t.Errorf("a new one has errors or the text %s", m.Error())
	}
	m.Append(&errors.Error{Id: "a", Code: 400}, &errors.Error{Detail: "d"})
	if want := `{"errors":[{"id":"a","code":400},{"detail":"d"}]}`; !m.HasErrors() || m.Error() != want {
		t.Errorf("got %s, want %s", m.Error(), want)
	}
	if !stderrors.Is(m, &errors.Error{Code: 400}) {
		t.Error("Is does not look into the list")
	}
	if got := errors.FromError(m); got.Detail != m.Error() {
		t.Errorf("FromError took %v for the list", got)
	}
}

func TestTheProtoFileIsRegisteredUnderTheNameOfV4(t *testing.T) {
	if got := errors.File_errors_proto.Path(); got != "errors.proto" {
		t.Errorf("got %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "text", "{}", "null", `{"id":"a","code":408,"detail":"d","status":"s"}`, `{"code":1e3}`, `{"id":"\ud800"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := errors.Parse(text)
		if e == nil {
			t.Fatal("Parse returned nil")
		}
		if strings.ToValidUTF8(e.Detail, "") != e.Detail {
			return // JSON cannot hold it
		}
		if again := errors.Parse(e.Error()); !proto.Equal(again, e) {
			t.Fatalf("%v became %v by its text", e, again)
		}
	})
}

func ExampleParse() {
	// What a handler returns reaches its caller as text.
	text := errors.NotFound("greeter", "nobody is called %s", "Ann").Error()

	err := error(errors.Parse(text))
	fmt.Println(stderrors.Is(err, &errors.Error{Code: 404}), errors.FromError(err).Detail)
	// Output: true nobody is called Ann
}
