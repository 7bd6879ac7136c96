package wire_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// Header lookups missed other spellings, so ids were lost over HTTP.
func TestLookupIgnoresCase(t *testing.T) {
	for _, e := range []struct {
		header map[string]string
		want   string
		ok     bool
	}{
		{map[string]string{"Micro-ID": "1"}, "1", true},
		{map[string]string{"Micro-Id": "2"}, "2", true},
		{map[string]string{"micro-id": "3"}, "3", true},
		{map[string]string{"micro-id": "3", "Micro-Id": "2", "Micro-ID": "1"}, "1", true},
		{map[string]string{"micro-id": "3", "Micro-Id": "2"}, "2", true},
		{map[string]string{"Micro-Idx": "4"}, "", false},
		{nil, "", false},
	} {
		if got, ok := wire.Lookup(e.header, "Micro-ID"); got != e.want || ok != e.ok {
			t.Errorf("%v: got %q, %v", e.header, got, ok)
		}
	}
}

func TestAHeadIsReadInEverySpelling(t *testing.T) {
	for _, e := range []struct {
		name   string
		header map[string]string
		want   wire.Head
	}{
		{"constants", map[string]string{
			"Micro-Service": "s", "Micro-Method": "m", "Micro-Endpoint": "e", "Micro-ID": "1", "Micro-Stream": "2",
			"Micro-Error": "x", "Micro-Topic": "t", "Micro-Protocol": "p", "Micro-Target": "g",
			"Content-Type": "c", "Timeout": "5", "Connection": "close", "Other": "o",
		}, wire.Head{Service: "s", Method: "m", Endpoint: "e", ID: "1", Stream: "2", Error: "x", Topic: "t",
			Protocol: "p", Target: "g", ContentType: "c", Timeout: "5", Connection: "close"}},
		{"HTTP spelling", map[string]string{"Micro-Id": "1"}, wire.Head{ID: "1"}},
		{"lower case", map[string]string{"micro-id": "1", "content-type": "c", "timeout": "5"},
			wire.Head{ID: "1", ContentType: "c", Timeout: "5"}},
		{"prefixed", map[string]string{
			"X-Micro-Service": "s", "X-Micro-Method": "m", "x-micro-endpoint": "e", "X-Micro-Stream": "2",
			"X-Micro-Topic": "t", "X-Micro-Protocol": "p", "X-Micro-Target": "g",
		}, wire.Head{Service: "s", Method: "m", Endpoint: "e", Stream: "2", Topic: "t", Protocol: "p", Target: "g"}},
		{"prefixed forms of others do not count", map[string]string{"X-Micro-ID": "1", "X-Micro-Error": "x", "X-Timeout": "5"}, wire.Head{}},
		{"plain wins over prefixed", map[string]string{"X-Micro-Service": "x", "Micro-Service": "s"}, wire.Head{Service: "s"}},
		{"short names", map[string]string{"": "a", "X-": "b", "x": "c", "m": "d"}, wire.Head{}},
	} {
		t.Run(e.name, func(t *testing.T) {
			if got := wire.ParseHead(e.header); got != e.want {
				t.Errorf("got %+v, want %+v", got, e.want)
			}
		})
	}
}

func TestRequestsThatNameNoProtocolTopicOrMethodAreLegacy(t *testing.T) {
	for _, e := range []struct {
		name   string
		head   wire.Head
		legacy bool
		method string
	}{
		{"protocol", wire.Head{Protocol: "mucp", Target: "x"}, false, ""},
		{"topic", wire.Head{Topic: "t", Target: "x"}, false, ""},
		{"nothing", wire.Head{}, true, ""},
		{"target", wire.Head{Target: "x", Service: "s"}, true, ""},
		{"method", wire.Head{Service: "s", Method: "m"}, false, "m"},
		{"endpoint", wire.Head{Service: "s", Endpoint: "m"}, false, "m"},
	} {
		t.Run(e.name, func(t *testing.T) {
			if legacy := e.head.Resolve(); legacy != e.legacy || (!legacy && (e.head.Method != e.method || e.head.Endpoint != e.method)) {
				t.Errorf("legacy is %v, head %+v", legacy, e.head)
			}
		})
	}
}

func TestOnlyTheTokenCloseCloses(t *testing.T) {
	for value, want := range map[string]bool{"close": true, "Close": true, "keep-alive, close": true, "": false, "upgrade": false, "closed": false} {
		if got := (&wire.Head{Connection: value}).Closes(); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestATimeoutIsAPositiveNumberOfNanoseconds(t *testing.T) {
	for value, want := range map[string]time.Duration{"1000": 1000, "": 0, "0": 0, "-5": 0, "5s": 0, "99999999999999999999": 0} {
		got, ok := (&wire.Head{Timeout: value}).TimeLeft()
		if got != want || ok != (want > 0) {
			t.Errorf("%q: %v, %v", value, got, ok)
		}
	}
	for left, want := range map[time.Duration]string{time.Second: "1000000000", 0: "1", -5: "1"} {
		if got := wire.Timeout(left); got != want {
			t.Errorf("%v is written as %s", left, got)
		}
	}
}

// A handler's context reused for a call carried the ids of its own request.
func TestMetadataLeavesTheMessageBehind(t *testing.T) {
	passed := map[string]string{
		"Authorization": "a", "Micro-Namespace": "n", "Micro-Trace-ID": "t", "Micro-Span-ID": "s", "X-Request-Id": "r",
		"User-Agent": "u", "Micro-From-Service": "f", "X-": "x", "Connections": "c",
	}
	all := maps.Clone(passed)
	for _, name := range []string{
		"Micro-Topic", "Micro-Stream", "Micro-Error", "Micro-ID", "Micro-Id", "Micro-Service", "Micro-Method",
		"Micro-Endpoint", "Micro-Target", "Micro-Protocol", "Micro-Half-Close", "X-Micro-Stream", "x-micro-id",
		"Connection", "Content-Length", "Transfer-Encoding", "Content-Type", "Accept", "Timeout", "Local", "Remote",
		"Host", "Te", "Trailer", "Upgrade", "Keep-Alive", "Expect",
		":path", ":method", "",
	} {
		all[name] = "v"
		all[strings.ToLower(name)] = "v"
	}
	if got := wire.Metadata(all, 3); !maps.Equal(got, passed) {
		t.Errorf("passed on: %v, want %v", got, passed)
	}
}

func TestACloneIsAMapOfItsOwn(t *testing.T) {
	h := map[string]string{"a": "b"}
	c := wire.Clone(h)
	c["a"] = "c"
	if h["a"] != "b" || wire.Clone(nil) == nil {
		t.Error("the clone is not a map of its own")
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add("Micro-Id", "1", "X-Micro-Service", "s")
	f.Add("x-", "", ":path", "/")
	f.Add("timeout", "-1", "CONNECTION", ", close ,")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		h := map[string]string{k1: v1, k2: v2}
		head := wire.ParseHead(h)
		head.Resolve()
		head.Closes()
		if left, ok := head.TimeLeft(); ok && left <= 0 {
			t.Errorf("time left is %v", left)
		}
		for name := range wire.Metadata(h, 0) {
			if strings.HasPrefix(name, ":") || strings.EqualFold(name, "Micro-ID") {
				t.Errorf("%q is passed on", name)
			}
		}
	})
}
