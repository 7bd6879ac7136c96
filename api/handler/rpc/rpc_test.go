package rpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/protorpc"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Query is a request with fields of several types.
type Query struct {
	UserID string   `json:"userId"`
	Count  int64    `json:"count"`
	Name   string   `json:"name"`
	On     bool     `json:"on"`
	Tags   []string `json:"tags"`
	File   []byte   `json:"file"`
	Inner  struct {
		A int    `json:"a"`
		B string `json:"b"`
	} `json:"inner"`
}

// Items is a service whose methods answer with what they get.
type Items struct{}

// Echo answers with the request as JSON.
func (*Items) Echo(_ context.Context, req *Query, rsp *Query) error {
	*rsp = *req
	return nil
}

// Raw answers with the JSON that it gets.
func (*Items) Raw(_ context.Context, req *json.RawMessage, rsp *json.RawMessage) error {
	*rsp = append((*rsp)[:0], *req...)
	return nil
}

// Meta answers with its metadata.
func (*Items) Meta(ctx context.Context, _ *Query, rsp *map[string]string) error {
	md, _ := metadata.FromContext(ctx)
	*rsp = md
	return nil
}

// Fail fails as the name says.
func (*Items) Fail(_ context.Context, req *Query, _ *Query) error {
	if req.Name == "plain" {
		return io.ErrUnexpectedEOF
	}
	return errors.New("items", "100% gone", int32(req.Count))
}

// Proto answers with the protobuf message that it gets.
func (*Items) Proto(_ context.Context, req *pb.Pair, rsp *pb.Pair) error {
	rsp.Key, rsp.Values = req.GetKey(), req.GetValues()
	return nil
}

// Wait waits for the end of its context.
func (*Items) Wait(ctx context.Context, _ *Query, _ *Query) error {
	waiting <- ctx
	<-ctx.Done()
	return ctx.Err()
}

var waiting = make(chan context.Context, 1)

func endpoint(name, path string, methods ...string) *api.Endpoint {
	return &api.Endpoint{Name: name, Path: []string{path}, Method: methods, Handler: "rpc"}
}

// gateway runs the service behind a handler.
func gateway(t *testing.T, opts ...handler.Option) (handler.Handler, *apitest.World) {
	t.Helper()
	w := apitest.NewWorld(t)
	all := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
	w.Serve("items", new(Items),
		api.WithEndpoint(endpoint("Items.Echo", "/echo/{userId}", all...)),
		api.WithEndpoint(endpoint("Items.Raw", "/raw", all...)),
		api.WithEndpoint(endpoint("Items.Meta", "/meta/{userId}", all...)),
		api.WithEndpoint(endpoint("Items.Fail", "/fail", all...)),
		api.WithEndpoint(endpoint("Items.Proto", "/proto", all...)),
		api.WithEndpoint(endpoint("Items.Wait", "/wait", all...)),
	)
	return rpc.NewHandler(append(w.Options(w.Router()), opts...)...), w
}

func request(method, target, contentType, body string) *http.Request {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const typeJSON = "application/json"

func TestPathQueryAndBodyAreOneRequest(t *testing.T) {
	h, _ := gateway(t)
	for _, tc := range []struct{ method, target, contentType, body, want string }{
		{"GET", "/echo/007?count=9007199254740993&name=1&on=true", "", "", `{"userId":"007","count":9007199254740993,"name":"1","on":true,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"GET", "/echo/x?tags=a&tags=b&inner.a=1&inner[b]=2", "", "", `{"userId":"x","count":0,"name":"","on":false,"tags":["a","b"],"file":null,"inner":{"a":1,"b":"2"}}`},
		{"GET", "/echo/x?tags[]=1&userId=forged&name=%22quoted%22", "", "", `{"userId":"x","count":0,"name":"quoted","on":false,"tags":["1"],"file":null,"inner":{"a":0,"b":""}}`},
		{"POST", "/echo/x?count=1&inner.a=5", typeJSON, `{"count":2,"inner":{"b":"y"}}`, `{"userId":"x","count":2,"name":"","on":false,"tags":null,"file":null,"inner":{"a":5,"b":"y"}}`},
		{"PUT", "/echo/x", "application/json; charset=utf-8", `{"count":9007199254740993}`, `{"userId":"x","count":9007199254740993,"name":"","on":false,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"PUT", "/echo/007", typeJSON, `{"userId":"007","USERID":"007"}`, `{"userId":"007","count":0,"name":"","on":false,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"GET", "/echo/%22x%22", "", "", `{"userId":"\"x\"","count":0,"name":"","on":false,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"POST", "/echo/x", "application/x-www-form-urlencoded", "userId=x&name=%22a%22", `{"userId":"x","count":0,"name":"\"a\"","on":false,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"DELETE", "/echo/x", "", "", `{"userId":"x","count":0,"name":"","on":false,"tags":null,"file":null,"inner":{"a":0,"b":""}}`},
		{"POST", "/echo/x", "application/x-www-form-urlencoded", "count=5&name=a&name=b&tags=1&tags=2", `{"userId":"x","count":5,"name":"a,b","on":false,"tags":["1","2"],"file":null,"inner":{"a":0,"b":""}}`},
		{"POST", "/raw?b=2", "application/x-www-form-urlencoded", "a=1&a=2", `{"a":"1,2","b":"2"}`},
		{"POST", "/raw?b=1", "application/x-www-form-urlencoded", `{"a":"x=y"}`, `{"a":"x=y","b":1}`},
		{"POST", "/raw", "application/x-www-form-urlencoded", `{"a`, `{"{\"a":""}`},
		{"POST", "/raw", typeJSON, `[1,2]`, `[1,2]`},
		{"POST", "/raw?a=1", typeJSON, `[1,2]`, `[1,2]`},
		{"POST", "/raw?a=1", typeJSON, `{"a":null}`, `{"a":null}`},
		{"POST", "/raw", "application/json-rpc", `{"id":1,"method":"x","params":[{"a":1}]}`, `{"a":1}`},
		{"GET", "/raw", typeJSON, "", `{}`},
		{"GET", "/raw", "", "", `null`},
		{"POST", "/raw", "text/plain", `{"a":1}`, `{"a":1}`},
	} {
		rec := apitest.Do(h, request(tc.method, tc.target, tc.contentType, tc.body))
		if got := strings.TrimSpace(rec.Body.String()); rec.Code != 200 || got != tc.want {
			t.Errorf("%s %s %s: got %d %s, want %s", tc.method, tc.target, tc.body, rec.Code, got, tc.want)
		}
	}
}

func TestARequestThatSaysNothingIsAnEmptyMessage(t *testing.T) {
	h, _ := gateway(t)
	for _, method := range []string{"GET", "POST", "OPTIONS"} {
		if rec := apitest.Do(h, request(method, "/proto", "", "")); rec.Code != 200 || strings.TrimSpace(rec.Body.String()) != `{}` {
			t.Errorf("%s: got %d %s", method, rec.Code, rec.Body)
		}
	}
}

func TestMultipartFormsAreRequests(t *testing.T) {
	h, _ := gateway(t)
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.WriteField("count", "7")
	_ = m.WriteField("name", "12")
	f, _ := m.CreateFormFile("file", "a.bin")
	_, _ = f.Write([]byte{0, 1, 0xff})
	_ = m.Close()
	r := httptest.NewRequest("POST", "/echo/x", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	rec := apitest.Do(h, r)
	var got Query
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Count != 7 || got.Name != "12" || !bytes.Equal(got.File, []byte{0, 1, 0xff}) || got.UserID != "x" {
		t.Errorf("got %d %s, %v", rec.Code, rec.Body, err)
	}
	if ct := rec.Header().Get("Content-Type"); ct != typeJSON {
		t.Errorf("the reply is %s", ct)
	}
}

func TestRequestsThatCannotBeUnderstoodAreAnsweredWith400(t *testing.T) {
	h, _ := gateway(t)
	const form, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for name, r := range map[string]*http.Request{
		"malformed JSON":         request("POST", "/raw", typeJSON, `{"a":`),
		"text":                   request("POST", "/raw", "text/plain", `hello`),
		"scalar":                 request("POST", "/raw", typeJSON, `1`),
		"duplicate field":        request("POST", "/raw", typeJSON, `{"a":1,"b":{"c":1,"c":2}}`),
		"duplicate escaped":      request("POST", "/raw", typeJSON, `{"a":1,"\u0061":2}`),
		"two values":             request("POST", "/raw?x=1", typeJSON, `{} {}`),
		"conflicting parameters": request("GET", "/raw?a=1&a.b=2", "", ""),
		"conflicting brackets":   request("GET", "/raw?a[x]=1&a=2", "", ""),
		"parameter alone":        request("GET", "/raw?a", "", ""),
		"broken escape":          request("POST", "/raw", form, "a=%zz"),
		"semicolons":             request("POST", "/raw", form, "a=1;b=2"),
		"no boundary":            request("POST", "/raw", "multipart/form-data", "x"),
		"cut off part":           request("POST", "/raw", parts, "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb"),
		"nameless part":          request("POST", "/raw", parts, "--x\r\n\r\nb\r\n--x--"),
		"no params":              request("POST", "/raw", "application/json-rpc", `{"id":1}`),
		"no envelope":            request("POST", "/raw", "application/proto-rpc", "\xff\xff"),
		"body against path":      request("POST", "/echo/x", typeJSON, `{"userId":"y"}`),
		"body, another case":     request("POST", "/echo/x", typeJSON, `{"USERID":"y"}`),
		"null against path":      request("POST", "/echo/x", typeJSON, `{"userId":null}`),
		"query, another case":    request("GET", "/echo/x?userid=y", "", ""),
		"form against path":      request("POST", "/echo/x", form, "userId=y"),
		"names not in UTF-8":     request("POST", "/raw", typeJSON, "{\"\xff\":1,\"\xfe\":2}"),
		"path that climbs":       request("GET", "/echo/..%2fetc", "", ""),
	} {
		rec := apitest.Do(h, r)
		if e := apitest.Failure(t, rec); e.GetCode() != 400 || e.GetId() != "go.micro.api" {
			t.Errorf("%s: got %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestABodyOverTheLimitIsAnsweredWith413(t *testing.T) {
	h, _ := gateway(t, handler.WithMaxRecvSize(10))
	for name, contentType := range map[string]string{"json": typeJSON, "form": "multipart/form-data; boundary=x"} {
		known := request("POST", "/raw", contentType, strings.Repeat("-", 11))
		unknown := request("POST", "/raw", contentType, strings.Repeat("-", 11))
		unknown.ContentLength = -1
		for _, r := range []*http.Request{known, unknown} {
			if e := apitest.Failure(t, apitest.Do(h, r)); e.GetCode() != 413 {
				t.Errorf("%s of %d bytes: %v", name, r.ContentLength, e)
			}
		}
	}
}

func TestBodiesOverTheTotalAreAnsweredWith503(t *testing.T) {
	h, _ := gateway(t, handler.WithMaxTotalSize(5))
	for range 2 { // what is answered is not held
		if e := apitest.Failure(t, apitest.Do(h, request("POST", "/raw", typeJSON, `{"a":1}`))); e.GetCode() != 503 {
			t.Errorf("got %v", e)
		}
		if rec := apitest.Do(h, request("POST", "/raw", typeJSON, `{}`)); rec.Code != 200 {
			t.Errorf("got %d %s", rec.Code, rec.Body)
		}
	}
}

func TestErrorsOfServicesKeepTheirCode(t *testing.T) {
	h, _ := gateway(t)
	for code, want := range map[string]int{"404": 404, "409": 409, "999": 999, "99": 500, "1000": 500, "-1": 500, "150": 500} {
		rec := apitest.Do(h, request("GET", "/fail?count="+code, "", ""))
		if e := errors.Parse(rec.Body.String()); rec.Code != want || e.GetDetail() != "100% gone" || e.GetId() != "items" || rec.Header().Get("Content-Type") != typeJSON {
			t.Errorf("%s: got %d %s %v", code, rec.Code, rec.Body, rec.Header())
		}
	}
	rec := apitest.Do(h, request("GET", "/fail?name=plain", "", ""))
	if e := apitest.Failure(t, rec); e.GetCode() != 500 || e.GetId() != "go.micro.api" || e.GetDetail() != "error during request: unexpected EOF" || e.GetStatus() != "Internal Server Error" {
		t.Errorf("an error without a code: %v", e)
	}
}

func TestWhatTheServiceDoesNotUnderstandIsNotItsFault(t *testing.T) {
	h, w := gateway(t)
	if e := apitest.Failure(t, apitest.Do(h, request("POST", "/echo/x", typeJSON, `{"count":[]}`))); e.GetCode() != 400 {
		t.Errorf("a value of another type: %v", e)
	}
	services, err := w.Registry.GetService("items")
	if err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]int32{"Items.Nothing": 404, "Nobody.Echo": 404, "a.b.c": 400} {
		route := &router.Route{Service: "items", Endpoint: &router.Endpoint{Name: name}, Versions: services}
		h := rpc.NewHandler(w.Options(apitest.Fixed{Found: route})...)
		if e := apitest.Failure(t, apitest.Do(h, request("POST", "/", typeJSON, `{}`))); e.GetCode() != code || e.GetId() != "go.micro.api" {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func TestRequestsWithoutARouteSayWhy(t *testing.T) {
	h, _ := gateway(t)
	if e := apitest.Failure(t, apitest.Do(h, request("GET", "/nowhere/at/all/there", "", ""))); e.GetCode() != 404 {
		t.Errorf("got %v", e)
	}
	rec := apitest.Do(h, request("TRACE", "/raw", "", ""))
	if e := apitest.Failure(t, rec); e.GetCode() != 405 || !strings.Contains(rec.Header().Get("Allow"), "GET") {
		t.Errorf("got %v %v", e, rec.Header())
	}
	if e := apitest.Failure(t, apitest.Do(rpc.NewHandler(), request("GET", "/x", "", ""))); e.GetCode() != 500 || e.GetDetail() != "no route found" {
		t.Errorf("without a router: %v", e)
	}
	broken := apitest.Fixed{Err: errors.New("x", "50% of it %s", 1)}
	if e := apitest.Failure(t, apitest.Do(rpc.NewHandler(handler.WithRouter(broken)), request("GET", "/x", "", ""))); e.GetCode() != 500 || !strings.Contains(e.GetDetail(), "50% of it %s") {
		t.Errorf("got %v", e)
	}
}

func TestOnlyWhatAClientMaySetReachesTheService(t *testing.T) {
	h, _ := gateway(t)
	r := request("POST", "/meta/7", typeJSON, "{}")
	r.Host = "example.com"
	r.Header["X-Many"] = []string{"1", "2"}
	for name, value := range map[string]string{
		"Authorization": "Bearer x", "Traceparent": "00-1", "X-Keep": "",
		"Micro-Service": "other", "micro-endpoint": "Items.Fail", "X-Micro-Method": "x", "Micro-Namespace": "root", "Micro-Stream": "1",
		"X-Api-Field-userId": "forged", "X-Api-Body": "x", "Timeout": "1", "Keep-Alive": "1", "Connection": "X-Private, keep-alive", "X-Private": "1",
	} {
		r.Header.Set(name, value)
	}
	r = r.WithContext(metadata.NewContext(r.Context(), metadata.Metadata{"Micro-Namespace": "wrapped", "Traceparent": ""}))
	rec := apitest.Do(h, r)
	var got metadata.Metadata
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
	}
	for name, want := range map[string]string{"X-Many": "1,2", "Authorization": "Bearer x", "Micro-Namespace": "wrapped", "Method": "POST"} {
		if v, _ := got.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	for _, name := range []string{"X-Micro-Method", "X-Api-Field-UserId", "X-Api-Body", "Keep-Alive", "X-Private", "Traceparent", "X-Keep"} {
		if v, ok := got.Get(name); ok {
			t.Errorf("%s is %q", name, v)
		}
	}
}

func TestAWrapperNamesTheFieldOfTheBody(t *testing.T) {
	h, _ := gateway(t)
	for _, tc := range []struct{ destination, body, want string }{
		{"a.b", `[1]`, `{"a":{"b":[1]},"q":1}`},
		{"x", `1`, `{"q":1,"x":1}`},
		{"x", `hello`, `{"q":1,"x":"aGVsbG8="}`},
		{"*", `{"x":2}`, `{"q":1,"x":2}`},
	} {
		r := request("POST", "/raw?q=1", typeJSON, tc.body)
		r = r.WithContext(metadata.NewContext(r.Context(), metadata.Metadata{"x-api-body": tc.destination}))
		if rec := apitest.Do(h, r); strings.TrimSpace(rec.Body.String()) != tc.want {
			t.Errorf("%s at %s: got %s, want %s", tc.body, tc.destination, rec.Body, tc.want)
		}
	}
}

func TestBodiesInProtobufPassThrough(t *testing.T) {
	h, _ := gateway(t)
	message, _ := proto.Marshal(&pb.Pair{Key: "k", Values: []string{"v"}})
	var envelope bytes.Buffer
	if err := protorpc.NewCodec(closer{&envelope}).Write(&codec.Message{Type: codec.Request, Method: "x", Id: "1"}, &pb.Pair{Key: "k", Values: []string{"v"}}); err != nil {
		t.Fatal(err)
	}
	framed := append([]byte{0, 0, 0, 0, byte(len(message))}, message...)
	for _, tc := range []struct {
		contentType string
		body, want  []byte
	}{
		{"application/protobuf", message, message},
		{"application/proto", message, message},
		{"application/proto-rpc", envelope.Bytes(), message},
		{"application/grpc", framed, framed},
		{"application/grpc+proto", message, message},
	} {
		rec := apitest.Do(h, request("POST", "/proto", tc.contentType, string(tc.body)))
		if rec.Code != 200 || !bytes.Equal(rec.Body.Bytes(), tc.want) || rec.Header().Get("Content-Type") != tc.contentType {
			t.Errorf("%s: got %d %q %v, want %q", tc.contentType, rec.Code, rec.Body, rec.Header(), tc.want)
		}
	}
	if rec := apitest.Do(h, request("POST", "/proto", "application/protobuf", "")); rec.Code != 204 {
		t.Errorf("an empty reply: %d", rec.Code)
	}
}

type closer struct{ *bytes.Buffer }

func (closer) Close() error { return nil }

func TestGRPCGetsItsStatusInTrailers(t *testing.T) {
	h, w := gateway(t)
	url := w.Listen(h)
	for path, want := range map[string][2]string{"/proto": {"0", ""}, "/fail": {"13", "100%25 gone"}} {
		rsp, err := http.Post(url+path, "application/grpc", bytes.NewReader([]byte{0, 0, 0, 0, 0}))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, rsp.Body)
		_ = rsp.Body.Close()
		message, announced := rsp.Trailer["Grpc-Message"]
		if status := rsp.Trailer.Get("grpc-status"); path == "/proto" && (status != want[0] || !announced || message[0] != want[1]) {
			t.Errorf("%s: trailers are %v", path, rsp.Trailer)
		}
		if path == "/fail" && rsp.Trailer.Get("grpc-status") != "13" {
			t.Errorf("%s: trailers are %v", path, rsp.Trailer)
		}
	}
}

func TestACallEndsWhenItsClientGoesAway(t *testing.T) {
	h, w := gateway(t)
	url := w.Listen(h)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", url+"/wait", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if rsp, err := http.DefaultClient.Do(r); err == nil {
			_ = rsp.Body.Close()
		}
	}()
	call := <-waiting
	cancel()
	<-call.Done()
	<-done
}

func TestOnlyRoutedVersionsAreCalled(t *testing.T) {
	w := apitest.NewWorld(t)
	s := w.Serve("items", new(Items))
	services, err := w.Registry.GetService("items")
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Registry.Register(&registry.Service{Name: "items", Version: "broken", Nodes: []*registry.Node{{Id: "x", Address: "127.0.0.1:1", Metadata: services[0].Nodes[0].Metadata}}})
	route := &router.Route{Service: "items", Endpoint: &router.Endpoint{Name: "Items.Raw"}, Versions: services}
	h := rpc.NewHandler(w.Options(apitest.Fixed{Found: route})...)
	for range 20 {
		if rec := apitest.Do(h, request("POST", "/", typeJSON, `{}`)); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
	_ = s
}

func TestRepliesAreJSONUnlessTheRequestWasSomethingElse(t *testing.T) {
	h, _ := gateway(t)
	for requested, want := range map[string]string{"": typeJSON, "text/html": typeJSON, "application/json; charset=UTF-8": "application/json; charset=UTF-8"} {
		rec := apitest.Do(h, request("POST", "/raw", requested, `{"a":1}`))
		if got := rec.Header().Get("Content-Type"); got != want || rec.Header().Get("Content-Length") == "" {
			t.Errorf("%q: got %v", requested, rec.Header())
		}
	}
}
