package child_test

import (
	"flag"
	"io"
	"os"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// supervising names the script that the test binary runs, instead of the tests,
// until it is killed.
const supervising = "CHILD_TEST_SUPERVISE"

func TestMain(m *testing.M) {
	if script := os.Getenv(supervising); script != "" {
		supervise(script)
	}
	_ = flag.Set("test.parallel", "8") // they wait for processes that sleep
	testkit.Main(m)
}

func supervise(script string) {
	grace := 2 * time.Second
	if d, err := time.ParseDuration(os.Getenv("CHILD_TEST_GRACE")); err == nil {
		grace = d
	}
	c, err := child.Start(child.Spec{
		Path: "/bin/sh", Args: []string{"-c", script},
		Salvage: os.Getenv("CHILD_TEST_LOG"), Grace: grace,
	})
	if err != nil {
		panic(err)
	}
	if os.Getenv("CHILD_TEST_UNREAD") != "" {
		<-c.Done()
		os.Stdout.WriteString("ended\n")
		time.Sleep(time.Hour) // until this process is killed
	}
	io.Copy(os.Stdout, c.Stdout)
	<-c.Done()
	os.Exit(0)
}
