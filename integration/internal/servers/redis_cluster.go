package servers

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	client "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
)

// NewRedisCluster starts a Redis cluster of three masters for the test, and returns
// their addresses. Without a redis-server of version 7 or later the test is skipped.
func NewRedisCluster(t testing.TB) []string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skipf("no cluster: %v", err)
	}
	if !strings.Contains(redisVersion(), "v=7.") && !strings.Contains(redisVersion(), "v=8.") {
		t.Skipf("no cluster on free ports with %s", redisVersion())
	}
	ctx := context.Background()
	nodes := make([]*client.Client, clusterMasters)
	addrs := make([]string, clusterMasters)
	for i := range nodes {
		port, bus := testkit.FreePort(t), testkit.FreePort(t)
		p, err := startRedis(t.TempDir(), port, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.stop)
		addrs[i] = fmt.Sprintf("127.0.0.1:%d", port)
		nodes[i] = client.NewClient(&client.Options{Addr: addrs[i]})
		defer nodes[i].Close()
		first, last := i*clusterSlots/clusterMasters, (i+1)*clusterSlots/clusterMasters-1
		if err := nodes[i].ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			t.Fatal(err)
		}
		if err := nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", port, bus).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range nodes {
		testkit.Eventually(t, "the cluster is complete", func() bool {
			info, err := node.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", clusterMasters))
		})
	}
	return addrs
}
