package file_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/util/file"
)

func TestSessionsThatNobodyUsesExpire(t *testing.T) {
	dir := t.TempDir()
	put(t, []byte("hello"), dir, "f")
	synctest.Test(t, func(t *testing.T) {
		d := newDirect(t, dir, file.IdleTimeout(time.Minute), file.MaxSessions(2))
		used, err := d.open("f", false)
		must(t, err)
		unused, err := d.open("f", false)
		must(t, err)
		for range 5 {
			time.Sleep(40 * time.Second)
			synctest.Wait()
			if _, err := d.read(used, 0, 1); err != nil {
				t.Fatalf("the session in use: %v", err)
			}
		}
		_, err = d.read(unused, 0, 1)
		wantError(t, err, "go.micro.srv.file", "You must call open first.")
		if n := descriptors(t, dir); n != 1 {
			t.Errorf("%d descriptors are open, want 1", n)
		}
		if _, err := d.open("f", false); err != nil {
			t.Errorf("what expired still counts: %v", err)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if n := descriptors(t, dir); n != 0 {
			t.Errorf("%d descriptors are open in the end", n)
		}
	})
}
