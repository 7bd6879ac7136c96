package profile_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/profile/pprof"
)

// A service takes a profile while it runs: micro.Profile, or --profile pprof.
func Example() {
	p := pprof.NewProfile(profile.Name("example"))
	if err := p.Start(); err != nil {
		fmt.Println(err)
	}
	// … what is to be profiled …
	fmt.Println(p, p.Stop())

	for _, kind := range []string{"cpu", "mem"} {
		if err := os.Remove(filepath.Join(os.TempDir(), "example."+kind+".pprof")); err != nil {
			fmt.Println(err)
		}
	}
	// Output: pprof <nil>
}
