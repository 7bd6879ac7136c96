package label_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/selector/label"
	"github.com/justcy/go-micro/v4/selector/selectortest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	selectortest.Run(t, selectortest.Harness{New: label.NewSelector})
}

// zoned is a registry with service greeter, whose nodes are in zones x and y.
func zoned(t testing.TB) registry.Registry {
	s := &registry.Service{Name: "greeter"}
	for _, id := range []string{"plain", "x1", "x2", "y1", "y2"} {
		n := &registry.Node{Id: id, Address: "127.0.0.1:1"}
		if id != "plain" {
			n.Metadata = map[string]string{"zone": id[:1]}
		}
		s.Nodes = append(s.Nodes, n)
	}
	r := registry.NewMemoryRegistry()
	if err := r.Register(s); err != nil {
		t.Fatal(err)
	}
	return r
}

// attempts returns the nodes of one call and so many attempts.
func attempts(t testing.TB, s selector.Selector, n int) string {
	t.Helper()
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range n {
		node, err := next()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, node.Id)
	}
	return fmt.Sprint(ids)
}

func TestPreferredNodesComeFirstInTheOrderOfLabelsAndRoundAgain(t *testing.T) {
	s := label.NewSelector(selector.Registry(zoned(t)), label.Label("zone", "y"), label.Label("zone", "x"))
	defer s.Close()
	if got, want := attempts(t, s, 7), "[y1 y2 x1 x2 plain y1 y2]"; got != want {
		t.Errorf("attempts go to %s, want %s", got, want)
	}
}

func TestEquallyPreferredNodesTakeTurns(t *testing.T) {
	s := label.NewSelector(selector.Registry(zoned(t)), label.Label("zone", "x"))
	defer s.Close()
	got := ""
	for range 4 {
		got += attempts(t, s, 1)
	}
	if want := "[x1][x2][x1][x2]"; got != want {
		t.Errorf("calls go to %s, want %s", got, want)
	}
}

func TestInitAddsLabels(t *testing.T) {
	s := label.NewSelector(selector.Registry(zoned(t)), label.Label("zone", "nowhere"))
	defer s.Close()
	if err := s.Init(label.Label("zone", "y")); err != nil {
		t.Fatal(err)
	}
	if got, want := attempts(t, s, 1), "[y1]"; got != want {
		t.Errorf("the call goes to %s, want %s", got, want)
	}
}

func TestTheNameIsLabel(t *testing.T) {
	s := label.NewSelector()
	defer s.Close()
	if s.String() != "label" {
		t.Errorf("String() = %q", s.String())
	}
}

func Example() {
	r := registry.NewMemoryRegistry()
	_ = r.Register(&registry.Service{Name: "greeter", Nodes: []*registry.Node{
		{Id: "far", Address: "10.0.0.1:80", Metadata: map[string]string{"zone": "us"}},
		{Id: "near", Address: "10.1.0.1:80", Metadata: map[string]string{"zone": "eu"}},
	}})
	s := label.NewSelector(selector.Registry(r), label.Label("zone", "eu"))
	defer s.Close()

	next, err := s.Select("greeter")
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := next()
	fmt.Println(node.Id, err)
	// Output: near <nil>
}
