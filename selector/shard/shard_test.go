package shard_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/selector/shard"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// services has so many nodes, half of them of another version.
func services(n int) []*registry.Service {
	out := []*registry.Service{{Name: "greeter", Version: "1"}, {Name: "greeter", Version: "2"}}
	for i := range n {
		s := out[i%2]
		s.Nodes = append(s.Nodes, &registry.Node{Id: fmt.Sprintf("node-%d", i)})
	}
	return out
}

// order takes nodes until none is left.
func order(t *testing.T, next selector.Next) []string {
	t.Helper()
	var ids []string
	for {
		n, err := next()
		if errors.Is(err, selector.ErrNoneAvailable) {
			return ids
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, n.Id)
	}
}

func TestNextHandsOutEachNodeOnceTheBestFirst(t *testing.T) {
	list := services(5)
	nodes, scores := shard.ScoreNodes([]string{"a", "b"}, list)
	score := map[string]uint64{}
	for i, n := range nodes {
		score[n.Id] = scores[i]
	}
	ids := order(t, shard.Next([]string{"a", "b"}, list))
	if len(ids) != 5 {
		t.Fatalf("%d of 5 nodes are handed out: %v", len(ids), ids)
	}
	last := uint64(math.MaxUint64)
	for _, id := range ids {
		if score[id] > last {
			t.Errorf("%s comes after a node with a worse score", id)
		}
		last = score[id]
	}
}

func TestNilServicesAndNodesAreLeftOut(t *testing.T) {
	nodes, scores := shard.ScoreNodes([]string{"k"}, []*registry.Service{nil, {Nodes: []*registry.Node{nil, {Id: "a"}}}})
	if len(nodes) != 1 || len(scores) != 1 || nodes[0].Id != "a" {
		t.Errorf("got %v, %v", nodes, scores)
	}
}

func TestScoresAreThoseOfEveryProcess(t *testing.T) {
	_, scores := shard.ScoreNodes([]string{"user", "42"}, []*registry.Service{{Nodes: []*registry.Node{{Id: "greeter-1"}, {Id: "greeter-2"}}}})
	if want := []uint64{7278910643382814900, 9229062769308144686}; fmt.Sprint(scores) != fmt.Sprint(want) {
		t.Errorf("scores are %v, want %v", scores, want)
	}
}

func TestSameKeysGoToTheSameNodeAndOthersSpread(t *testing.T) {
	seen := map[string]bool{}
	for i := range 100 {
		keys := []string{fmt.Sprint(i)}
		first := order(t, shard.Next(keys, services(4)))[0]
		if again := order(t, shard.Next(keys, services(4)))[0]; again != first {
			t.Errorf("key %d goes to %s and to %s", i, first, again)
		}
		seen[first] = true
	}
	if len(seen) != 4 {
		t.Errorf("100 keys reach only %d of 4 nodes", len(seen))
	}
}

func TestOnlyTheKeysOfALostNodeMove(t *testing.T) {
	for i := range 100 {
		keys := []string{fmt.Sprint(i)}
		before := order(t, shard.Next(keys, services(5)))
		after := order(t, shard.Next(keys, services(4))) // without node-4
		if before[0] != "node-4" && after[0] != before[0] {
			t.Errorf("key %d moves from %s to %s", i, before[0], after[0])
		}
	}
}

func TestStrategyIsUsedByTheSelector(t *testing.T) {
	r := registry.NewMemoryRegistry()
	for _, s := range services(4) {
		if err := r.Register(s); err != nil {
			t.Fatal(err)
		}
	}
	s := selector.NewSelector(selector.Registry(r))
	defer s.Close()
	var options client.CallOptions
	shard.Strategy("user", "42")(&options)
	next, err := s.Select("greeter", options.SelectOptions...)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(order(t, next)), fmt.Sprint(order(t, shard.Next([]string{"user", "42"}, services(4)))); got != want {
		t.Errorf("attempts go to %s, want %s", got, want)
	}
}

func Example() {
	nodes := []*registry.Service{{Name: "greeter", Nodes: []*registry.Node{{Id: "greeter-1"}, {Id: "greeter-2"}}}}
	one, err := shard.Next([]string{"user", "42"}, nodes)()
	if err != nil {
		fmt.Println(err)
	}
	two, err := shard.Next([]string{"user", "42"}, nodes)()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(one == two)
	// Output: true
}
