package cockroach_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/cockroach"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestInitFailsWithTheReason(t *testing.T) {
	down := fmt.Sprintf("postgresql://ada:secret@127.0.0.1:%d/db?sslmode=disable", testkit.FreePort(t))
	for _, tt := range []struct {
		nodes []string
		want  string
	}{
		{[]string{"postgresql://127.0.0.1:x/db"}, "invalid port"},
		{[]string{down}, "is the server running?"},
		{[]string{down, "postgresql://127.0.0.1:x/db"}, "invalid port"},
	} {
		err := cockroach.NewSync(sync.Nodes(tt.nodes...)).Init()
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.nodes, err)
		}
	}
}

func ExampleNewSync() {
	s := cockroach.NewSync(sync.Nodes("postgresql://postgres@127.0.0.1:5432/app"), sync.Prefix("billing/"))
	fmt.Println(s, s.Options().Prefix)
	// Output: cockroach billing/
}
