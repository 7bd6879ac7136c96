package kubernetes_test

import (
	"net/http"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m, http.DefaultClient.CloseIdleConnections)
}
