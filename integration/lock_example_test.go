package integration_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTheLockExamplePassesTheLockOnFromAProcessThatCrashed(t *testing.T) {
	program := filepath.Join(t.TempDir(), "lock")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/justcy/go-micro/v4/examples/lock").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const want = `the first process has the lock
the second process waits for it
the first process is killed
the second process has the lock; its token is greater: true
`
	eachLockDriver(t, func(t *testing.T, d lockDriver) {
		out, err := exec.CommandContext(t.Context(), program, "--node", d.url(t)).Output()
		if err != nil || string(out) != want {
			t.Errorf("%v: it printed\n%s", err, out)
		}
	})
}
