package runtime_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
)

// descriptors returns how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// children returns the processes whose parent this one is, dead ones included.
func children() (stats []string) {
	parent := strconv.Itoa(os.Getpid())
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, _ := os.ReadFile(file)
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == parent {
			stats = append(stats, string(stat))
		}
	}
	return stats
}

func TestAServiceThatEndedLeavesNoProcessAndNoDescriptor(t *testing.T) {
	r, _ := newRuntime(t)
	run := func(name, script, end string) {
		s := &runtime.Service{Name: name}
		create(t, r, s, script)
		testkit.Eventually(t, name+" is "+end, func() bool { return status(t, r, runtime.ReadService(name))["status"] == end })
		if err := r.Delete(s); err != nil {
			t.Error(err)
		}
		if err := r.Create(s, runtime.WithCommand("no-such-program")); err == nil {
			t.Error("it was started")
		}
	}
	run("first", "true", "done") // what is opened once is open now
	before := descriptors(t)
	for i := range 10 {
		run("a"+strconv.Itoa(i), "sleep 1000 & sleep 1000 & exit 1", "error")
		run("b"+strconv.Itoa(i), sleep, "running")
	}
	testkit.Eventually(t, "the descriptors are closed", func() bool { return descriptors(t) <= before })
	if left := children(); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
