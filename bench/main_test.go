package main

import (
	"os"
	"slices"
	"testing"
)

// TestMain makes the test's own binary a worker when it is started as one.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], "-worker") {
		main()
		return
	}
	// A process with the race detector would otherwise wait a second at its end.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
