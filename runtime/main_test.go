//go:build unix

package runtime_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// role says what the test binary does instead of running tests.
const role = "RUNTIME_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "service":
		serve()
	case "supervisor":
		if err := supervise(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		testkit.Main(m)
	}
}
