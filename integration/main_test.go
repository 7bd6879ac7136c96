// Package integration_test runs drivers against real servers.
package integration_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }
