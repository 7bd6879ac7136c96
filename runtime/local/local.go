// Package local links the local runtime into a program: runtime.DefaultRuntime
// runs services on this machine when it is imported, and services that were
// uploaded as archives can be run.
//
//	import _ "github.com/justcy/go-micro/v4/runtime/local"
package local

import (
	_ "github.com/justcy/go-micro/v4/internal/upload/targz" // unpacks uploads
	"github.com/justcy/go-micro/v4/runtime"
)

func init() { runtime.RegisterDefault(runtime.NewRuntime) }

// NewRuntime returns the runtime that runs services on this machine, as
// runtime.NewRuntime does.
func NewRuntime(opts ...runtime.Option) runtime.Runtime { return runtime.NewRuntime(opts...) }
