// Command backends says which servers the integration tests run on here, and
// fails when one that MICRO_TEST_REQUIRE names is missing.
package main

import (
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
)

func main() {
	missing := false
	servers.All(func(all []*servers.Backend) {
		for _, b := range all {
			fmt.Println(b)
			missing = missing || b.Missing()
		}
	})
	if missing {
		fmt.Fprintln(os.Stderr, "a required server is missing; make services brings them up")
		os.Exit(1)
	}
}
