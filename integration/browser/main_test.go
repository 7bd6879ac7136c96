// Package browser_test opens the page of a web service in Chromium.
package browser_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }
