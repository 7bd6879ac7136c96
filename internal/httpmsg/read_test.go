package httpmsg_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

const maxBody = 1000

func newReader(src io.Reader) *httpmsg.Reader {
	r := httpmsg.NewReader(src, nil)
	r.MaxBody = maxBody
	return r
}

// request reads one request.
func request(r *httpmsg.Reader) (*httpmsg.Head, string, error) {
	var h httpmsg.Head
	if err := r.ReadRequest(&h); err != nil {
		return nil, "", err
	}
	body, err := r.ReadBody(&h)
	return &h, string(body), err
}

// response reads one response.
func response(r *httpmsg.Reader) (*httpmsg.Head, string, error) {
	var h httpmsg.Head
	if err := r.ReadResponse(&h); err != nil {
		return nil, "", err
	}
	if h.Status == 101 {
		return &h, "", nil
	}
	body, err := r.ReadBody(&h)
	return &h, string(body), err
}

// sources deliver the same bytes whole and in pieces.
var sources = map[string]func(string) io.Reader{
	"at once":       func(s string) io.Reader { return strings.NewReader(s) },
	"byte by byte":  func(s string) io.Reader { return iotest.OneByteReader(strings.NewReader(s)) },
	"end with data": func(s string) io.Reader { return iotest.DataErrReader(strings.NewReader(s)) },
}

func TestRequestsAreReadOrRefusedWithAStatus(t *testing.T) {
	for name, tt := range map[string]struct{ raw, body, want string }{
		"a message":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		"no body":             {"GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"chunks":              {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", "hello!", ""},
		"chunks with trailer": {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\nA \r\n0123456789\r\n0\r\nX: y\r\n\r\n", "0123456789", ""},
		"an empty line ahead": {"\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"HTTP/1.0":            {"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "x", ""},
		"the length twice":    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "x", ""},
		"absolute form":       {"POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"asterisk form":       {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"a full body":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000), strings.Repeat("x", 1000), ""},

		"garbage":                 {"\x16\x03\x01\x02\x00", "", "400 not an HTTP message"},
		"two empty lines ahead":   {"\r\n\r\nPOST / HTTP/1.1\r\n\r\n", "", "400 not an HTTP message"},
		"another protocol":        {"SSH-2.0-OpenSSH\r\n", "", "400 not an HTTP message"},
		"no version":              {"GET /\r\n\r\n", "", "400 not an HTTP message"},
		"spaces in the target":    {"GET /a b HTTP/1.1\r\n\r\n", "", "400 not an HTTP message"},
		"another version":         {"GET / HTTP/3.0\r\n\r\n", "", "505"},
		"bare line feeds":         {"GET / HTTP/1.1\nHost: a\n\n", "", "400 line does not end in CRLF"},
		"a bare line feed inside": {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "", "400 line does not end in CRLF"},
		"a bare carriage return":  {"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "", "400 control character in header Host"},
		"no host":                 {"GET / HTTP/1.1\r\n\r\n", "", "400 missing Host"},
		"two hosts":               {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "", "400 more than one Host"},
		"a folded line":           {"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "", "400"},
		"a blank before a colon":  {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx", "", "400 invalid header name"},
		"no colon":                {"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "", "400 header line without a colon"},
		"a null byte":             {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "", "400 control character"},
		"both framings":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "400 both"},
		"two lengths":             {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "", "400 conflicting"},
		"a list of lengths":       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", "", "400 invalid Content-Length"},
		"a signed length":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", "", "400 invalid Content-Length"},
		"an endless length":       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", "", "400 invalid Content-Length"},
		"an unknown coding":       {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", "501"},
		"two codings":             {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "", "400 more than one Transfer-Encoding"},
		"chunks in HTTP/1.0":      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "400 Transfer-Encoding in HTTP/1.0"},
		"a signed chunk":          {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "", "400 invalid chunk size"},
		"a prefixed chunk":        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", "", "400 invalid chunk size"},
		"an empty chunk size":     {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "", "400 invalid chunk size"},
		"a chunk that is longer":  {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n", "", "400 chunk does not end"},
		"a chunk of bare lines":   {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", "", "400 line does not end in CRLF"},
		"an unknown expectation":  {"POST / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n", "", "417"},

		"a body over the limit":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", "", "413"},
		"a chunk over the limit":        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n", "", "413"},
		"an endless chunk":              {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n", "", "413"},
		"chunks over the limit":         {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\n" + strings.Repeat("x", 1000) + "\r\n1\r\nx\r\n0\r\n\r\n", "", "413"},
		"a request line over the limit": {"GET /" + strings.Repeat("x", 9<<10) + " HTTP/1.1\r\n\r\n", "", "431 first line"},
		"a header over the limit":       {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 65<<10) + "\r\n\r\n", "", "431 header bytes"},
		"too many header lines":         {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 513) + "\r\n", "", "431 header lines"},
		"an endless chunk line":         {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 600) + "\r\nx\r\n0\r\n\r\n", "", "431 chunk size line"},
		"an endless trailer":            {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 4000) + "\r\n", "", "431 trailer"},
	} {
		for how, source := range sources {
			t.Run(name+"/"+how, func(t *testing.T) {
				_, body, err := request(newReader(source(tt.raw)))
				checkRead(t, body, err, tt.body, tt.want)
			})
		}
	}
}

// checkRead compares a body, or an error with "status detail".
func checkRead(t *testing.T, body string, err error, wantBody, wantErr string) {
	t.Helper()
	if wantErr == "" {
		if err != nil || body != wantBody {
			t.Errorf("the body is %q, the error %v, want %q", body, err, wantBody)
		}
		return
	}
	var e *httpmsg.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want %s", err, wantErr)
	}
	got := strings.TrimSpace(strings.Join([]string{itoa(e.Status), e.Detail}, " "))
	if !strings.HasPrefix(got, wantErr) {
		t.Errorf("the error is %q, want %q", got, wantErr)
	}
	if e.TooLarge() != (e.Status == 413 || e.Status == 431) {
		t.Errorf("TooLarge of %d is %v", e.Status, e.TooLarge())
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestTruncatedMessagesEndUnexpectedly(t *testing.T) {
	for _, raw := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
	} {
		for cut := 1; cut < len(raw); cut++ {
			if _, _, err := request(newReader(strings.NewReader(raw[:cut]))); err != io.ErrUnexpectedEOF {
				t.Errorf("after %q the error is %v", raw[:cut], err)
			}
		}
	}
	if _, _, err := request(newReader(strings.NewReader(""))); err != io.EOF {
		t.Errorf("between messages the error is %v, want io.EOF", err)
	}
}

func TestResponsesAreReadOrRefusedWithAStatus(t *testing.T) {
	for name, tt := range map[string]struct{ raw, body, want string }{
		"a message":                 {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		"chunks":                    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		"until the end":             {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", ""},
		"HTTP/1.0 until the end":    {"HTTP/1.0 200 OK\r\n\r\nhello", "hello", ""},
		"no reason":                 {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "", ""},
		"no reason and blank":       {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", ""},
		"no content":                {"HTTP/1.1 204 No Content\r\n\r\n", "", ""},
		"interim responses":         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", ""},
		"endless interim responses": {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20), "", "400 more than 10 interim"},
		"no status":                 {"HTTP/1.1\r\n\r\n", "", "400 invalid status line"},
		"a short status":            {"HTTP/1.1 20\r\n\r\n", "", "400 invalid status line"},
		"a long status":             {"HTTP/1.1 2000\r\n\r\n", "", "400 invalid status line"},
		"a status of letters":       {"HTTP/1.1 2x0 OK\r\n\r\n", "", "400 invalid status code"},
		"another version":           {"HTTP/2.0 200 OK\r\n\r\n", "", "505"},
		"too much until the end":    {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxBody+1), "", "413"},
		"two lengths":               {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "", "400 conflicting"},
	} {
		for how, source := range sources {
			t.Run(name+"/"+how, func(t *testing.T) {
				_, body, err := response(newReader(source(tt.raw)))
				checkRead(t, body, err, tt.body, tt.want)
			})
		}
	}
}

func TestABodyIsReadUpToItsLimit(t *testing.T) {
	const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	full := strings.Repeat("x", maxBody)
	for name, tt := range map[string]struct {
		raw, body, err string
		idle           bool
	}{
		"whole":                  {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", "", true},
		"whole, as large as can": {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + full, full, "", true},
		"whole chunks":           {chunks + "1\r\na\r\n1\r\nb\r\n0\r\n\r\n", "ab", "", true},
		"whole until the end":    {"HTTP/1.1 200 OK\r\n\r\nab", "ab", "", true},
		"cut":                    {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + full + "y", full, "", false},
		"cut in a chunk":         {chunks + "1\r\nx\r\nffffffff\r\n" + full, full, "", false},
		"cut between chunks":     {chunks + "3e8\r\n" + full + "\r\n1\r\ny\r\n0\r\n\r\n", full, "", false},
		"cut without an end":     {"HTTP/1.1 200 OK\r\n\r\n" + full + "y", full, "", false},
		"broken off":             {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "ab", "unexpected EOF", false},
		"broken off in a chunk":  {chunks + "1\r\na\r\n2\r\nb", "ab", "unexpected EOF", false},
		"bad chunks":             {chunks + "1\r\na\r\nx\r\n", "a", "invalid chunk size", false},
	} {
		for how, source := range sources {
			t.Run(name+"/"+how, func(t *testing.T) {
				r := newReader(source(tt.raw))
				var h httpmsg.Head
				if err := r.ReadResponse(&h); err != nil {
					t.Fatal(err)
				}
				body, err := r.ReadPrefix(&h)
				if got := fmt.Sprint(err); tt.err == "" && err != nil || !strings.Contains(got, tt.err) {
					t.Errorf("the error is %v, want %q", err, tt.err)
				}
				if string(body) != tt.body || r.Idle() != tt.idle {
					t.Errorf("the body is %q, idle is %v", body, r.Idle())
				}
			})
		}
	}
}

func TestHeadsAreRead(t *testing.T) {
	r := newReader(strings.NewReader("POST / HTTP/1.1\r\nhost: a:1\r\nMICRO-ID:  7 \t\r\nmicro-id: 8\r\nx-Some-other: \r\nContent-Length: 0\r\n" +
		"Connection: Upgrade, x\r\nUpgrade: micro-mux/2\r\nExpect: 100-Continue\r\n\r\n" +
		"POST / HTTP/1.0\r\n\r\nPOST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))
	h, _, err := request(r)
	if err != nil {
		t.Fatal(err)
	}
	if h.Host != "a:1" || h.Upgrade != "micro-mux/2" || !h.Continue || h.Close {
		t.Errorf("the head is %+v", h)
	}
	want := map[string]string{"Micro-Id": "7", "X-Some-Other": "", "Connection": "Upgrade, x", "Upgrade": "micro-mux/2"}
	if len(h.Header) != len(want) {
		t.Errorf("the header is %v, want %v", h.Header, want)
	}
	for name, value := range want {
		if v, ok := h.Header[name]; !ok || v != value {
			t.Errorf("%s is %q, want %q", name, v, value)
		}
	}
	if h, _, err := request(r); err != nil || !h.Close || h.Header["Connection"] != "close" {
		t.Errorf("HTTP/1.0: %+v, %v, want the end of the connection", h, err)
	}
	if h, _, err := request(r); err != nil || !h.Close || h.Header["Connection"] != "close" {
		t.Errorf("HTTP/1.0 with keep-alive: %+v, %v, want the end of the connection", h, err)
	}
	if !r.Idle() {
		t.Error("the reader is not idle between messages")
	}
}

func TestAnUpgradeLeavesWhatFollows(t *testing.T) {
	r := newReader(strings.NewReader("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x/1\r\n\r\nframes"))
	h, _, err := response(r)
	if err != nil || h.Upgrade != "x/1" || string(r.Buffered()) != "frames" {
		t.Errorf("the head is %+v, the rest %q, the error %v", h, r.Buffered(), err)
	}
}

func TestPeekConsumesNothing(t *testing.T) {
	r := httpmsg.NewReader(strings.NewReader(" / HTTP/1.1\r\nHost: a\r\n\r\n"), []byte("POST"))
	line, err := r.PeekFirstLine()
	if err != nil || string(line) != "POST / HTTP/1.1" {
		t.Fatalf("the line is %q, the error %v", line, err)
	}
	if h, _, err := request(r); err != nil || h.Method != "POST" {
		t.Errorf("the request is %+v, the error %v", h, err)
	}
}

// zeros is an endless body.
type zeros struct{ head io.Reader }

func (z zeros) Read(p []byte) (int, error) {
	if n, err := z.head.Read(p); err == nil {
		return n, nil
	}
	clear(p)
	return len(p), nil
}

func TestAnnouncedLengthAllocatesNothingAhead(t *testing.T) {
	const announced = 1 << 30
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			r := httpmsg.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\nx"), nil)
			r.MaxBody = announced
			if _, _, err := request(r); err != io.ErrUnexpectedEOF {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 200<<10 {
		t.Errorf("%d bytes were allocated for a message of which one byte arrived", allocated)
	}
}

func TestLargeBodiesAreReadWhole(t *testing.T) {
	r := httpmsg.NewReader(zeros{strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n")}, nil)
	r.MaxBody = 5000000
	if _, body, err := request(r); err != nil || len(body) != 5000000 {
		t.Errorf("%d bytes, the error %v", len(body), err)
	}
}

func TestAMessageIsWholeWhenItsBodyIsBuffered(t *testing.T) {
	for _, test := range []struct {
		buffered string
		whole    bool
	}{
		{"", false},
		{"POST / HTTP/1.1\r\nHost: x\r\n", false},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 2\r\n\r\n1", false},
		{"POST / HTTP/1.1\r\nHost: x\r\ncontent-length:2 \r\n\r\n12", true},
		{"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n12", false},
		{"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	} {
		r := httpmsg.NewReader(strings.NewReader(""), []byte(test.buffered))
		if whole := r.Whole(); whole != test.whole {
			t.Errorf("%q: whole is %v", test.buffered, whole)
		}
	}
}

func TestReadAheadConsumesNothing(t *testing.T) {
	r := httpmsg.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), nil)
	for range 2 {
		if err := r.ReadAhead(); err != nil || r.Idle() {
			t.Fatalf("%v, %q is buffered", err, r.Buffered())
		}
	}
	var h httpmsg.Head
	if err := r.ReadRequest(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadBody(&h); err != nil {
		t.Fatal(err)
	}
	if err := r.ReadAhead(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
