package integration_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/cockroach"
)

// TestLockingGoesOnWhenTheServerHasEndedItsConnections has the server do to idle
// connections what a restart does to them.
func TestLockingGoesOnWhenTheServerHasEndedItsConnections(t *testing.T) {
	url := servers.Postgres(t)
	s := lockDriver{new: cockroach.NewSync}.connect(t, url)
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	if err := s.Lock("kept"); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil {
			t.Skipf("the server does not end connections for us: %v", err)
		}
		id := fmt.Sprint("ended/", i)
		if err := s.Lock(id, sync.LockWait(testkit.Patience)); err != nil {
			t.Errorf("right after the connections ended: %v", err)
		}
		if err := s.Unlock(id); err != nil {
			t.Error(err)
		}
	}
	if err := s.Unlock("kept"); err != nil {
		t.Error(err)
	}
}
