package exchange_test

import (
	"net/http/httptest"
	"testing"

	"github.com/justcy/go-micro/v4/api/internal/exchange"
)

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
