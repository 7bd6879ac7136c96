//go:build unix

package runtime_test

import (
	"fmt"

	"github.com/justcy/go-micro/v4/runtime"
)

func Example() {
	r := runtime.NewRuntime()
	if err := r.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer r.Stop()

	greeter := &runtime.Service{Name: "greeter", Version: "latest", Source: "."}
	if err := r.Create(greeter, runtime.WithCommand("sh", "-c", "echo Hello John; sleep 60")); err != nil {
		fmt.Println(err)
		return
	}
	output, err := r.Logs(greeter, runtime.LogsStream(true))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer output.Stop()
	fmt.Println((<-output.Chan()).Message)
	// Output: Hello John
}
