//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime"
)

func TestLogsAreTheLastLines(t *testing.T) {
	r, dir := newRuntime(t)
	s := &runtime.Service{Name: "a/b", Version: "latest"}
	create(t, r, s, `for i in 1 2 3 4 5; do echo "line $i"; done`)
	awaitStatus(t, r, "done")
	for count, want := range map[int64]string{0: "", 1: "line 5", 3: "line 3,line 4,line 5", 99: "line 1,line 2,line 3,line 4,line 5"} {
		if got := strings.Join(readLog(t, r, s, count), ","); got != want {
			t.Errorf("the last %d lines are %q", count, got)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "micro", "logs", "a-b.log")); err != nil {
		t.Error(err)
	}
}

func TestVersionsAndNamespacesHaveTheirLogs(t *testing.T) {
	r, _ := newRuntime(t)
	for _, c := range []struct{ version, namespace string }{{"", "default"}, {"1", "default"}, {"2", "default"}, {"1", "other"}} {
		create(t, r, &runtime.Service{Name: "a", Version: c.version}, fmt.Sprintf("echo %s-%s; exec sleep 1000", c.version, c.namespace),
			runtime.CreateNamespace(c.namespace)).await(t, c.namespace)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ version, namespace, want string }{{"1", "", "1-default"}, {"2", "", "2-default"}, {"1", "other", "1-other"}, {"", "other", "1-other"}} {
		got := readLog(t, r, &runtime.Service{Name: "a", Version: c.version}, 9, runtime.LogsNamespace(c.namespace))
		if strings.Join(got, ",") != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
	// Without a version it is whichever wrote last.
	if got := readLog(t, r, &runtime.Service{Name: "a"}, 9); len(got) != 1 || !strings.HasSuffix(got[0], "-default") {
		t.Errorf("got %q", got)
	}
}

func TestAFollowerGetsWhatIsWrittenUntilItStops(t *testing.T) {
	r, _ := newRuntime(t)
	s := &runtime.Service{Name: "a"}
	create(t, r, s, `i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done`).await(t, "3")
	logs, err := r.Logs(s, runtime.LogsCount(2), runtime.LogsStream(true))
	if err != nil {
		t.Fatal(err)
	}
	before := 0
	for range 20 {
		var n int
		fmt.Sscan((<-logs.Chan()).Message, &n)
		if before > 0 && n != before+1 {
			t.Errorf("%d follows %d", n, before)
		}
		before = n
	}
	for range 2 {
		if err := logs.Stop(); err != nil {
			t.Error(err)
		}
	}
	if record, open := <-logs.Chan(); open || logs.Error() != nil {
		t.Errorf("got %v after Stop, %v", record, logs.Error())
	}
	ctx, cancel := context.WithCancel(t.Context())
	logs, err = r.Logs(s, runtime.LogsStream(true), runtime.LogsContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for range logs.Chan() { // ends
	}
}

func TestAMissingLogIsNamed(t *testing.T) {
	r, dir := newRuntime(t)
	_, err := r.Logs(&runtime.Service{Name: "a"})
	if want := "Log file " + filepath.Join(dir, "micro", "logs", "a.log") + " does not exists"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, bad := range []*runtime.Service{nil, {}, {Name: "\x00"}} {
		if _, err := r.Logs(bad); err == nil {
			t.Errorf("%v has logs", bad)
		}
	}
	for _, bad := range []string{"..", "../../x", "/etc/x", "."} {
		if _, err := r.Logs(&runtime.Service{Name: bad}, runtime.LogsNamespace(bad)); err == nil || !strings.HasPrefix(err.Error(), "Log file "+filepath.Join(dir, "micro", "logs")+"/") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestALogIsRotated(t *testing.T) {
	r, dir := newRuntime(t, runtime.WithLogRotation(2000, 2))
	s := &runtime.Service{Name: "a"}
	create(t, r, s, `i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo "line $i"; [ $((i%100)) = 0 ] && sleep 0.01; done; true`)
	awaitStatus(t, r, "done")
	files, _ := filepath.Glob(filepath.Join(dir, "micro", "logs", "*"))
	if len(files) != 3 {
		t.Errorf("there are %q", files)
	}
	if got := readLog(t, r, s, 1); len(got) != 1 || got[0] != "line 1000" {
		t.Errorf("got %q", got)
	}
}
