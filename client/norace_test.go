//go:build !race

package client_test

// raceEnabled is set when the race detector is on, which allocates.
const raceEnabled = false
