package signal_test

import (
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/justcy/go-micro/v4/util/signal"
)

func TestShutdownHasTheSignalsThatEndAProcess(t *testing.T) {
	want := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
	if got := signal.Shutdown(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
