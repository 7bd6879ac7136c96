package exchange_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
)

// stalled is a body that stops coming, as a connection does whose deadline passes.
type stalled struct{ io.Reader }

func (s stalled) Read(b []byte) (int, error) {
	if n, err := s.Reader.Read(b); err == nil {
		return n, nil
	}
	return 0, os.ErrDeadlineExceeded
}

func TestABodyThatComesTooSlowlyIsAnsweredWith408(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.NopCloser(stalled{strings.NewReader(`{"a":`)}))
	if _, e := exchange.Body(httptest.NewRecorder(), r, 100); e.GetCode() != http.StatusRequestTimeout {
		t.Errorf("got %v", e)
	}
}

func TestAWebSocketIsAskedForInLists(t *testing.T) {
	for _, tc := range []struct {
		connection, upgrade string
		want                bool
	}{
		{"Upgrade", "websocket", true},
		{"keep-alive, UPGRADE", "h2c, WebSocket", true},
		{"keep-alive", "websocket", false},
		{"upgrade", "h2c", false},
		{"upgraded", "websocket", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Connection", tc.connection)
		r.Header.Set("Upgrade", tc.upgrade)
		if got := exchange.IsWebSocket(r); got != tc.want {
			t.Errorf("%+v: got %v", tc, got)
		}
	}
}
