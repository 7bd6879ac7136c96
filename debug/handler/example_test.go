package handler_test

import (
	"context"
	"fmt"

	"github.com/justcy/go-micro/v4/debug/handler"
	debug "github.com/justcy/go-micro/v4/debug/proto"
)

// A service registers the handler beside its own, with RegisterDebugHandler.
func Example() {
	h := handler.NewHandler(nil)
	health := new(debug.HealthResponse)
	err := h.Health(context.Background(), &debug.HealthRequest{}, health)
	fmt.Println(health.GetStatus(), err)
	// Output: ok <nil>
}
