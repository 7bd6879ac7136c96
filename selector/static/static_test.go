package static_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/selector/selectortest"
	"github.com/justcy/go-micro/v4/selector/static"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestConformance(t *testing.T) {
	selectortest.Run(t, selectortest.Harness{New: static.NewSelector, NoRegistry: true})
}

func address(t *testing.T, s selector.Selector) string {
	t.Helper()
	next, err := s.Select("greeter")
	if err != nil {
		t.Fatal(err)
	}
	n, err := next()
	if err != nil {
		t.Fatal(err)
	}
	if n.Id != "greeter" {
		t.Errorf("the node's id is %q", n.Id)
	}
	return n.Address
}

func TestAddressesAreMadeOfNameDomainAndPort(t *testing.T) {
	for _, c := range []struct{ domain, port, want string }{
		{"", "", "greeter:8080"},
		{"example.org", "", "greeter.example.org:8080"},
		{"", "9000", "greeter:9000"},
		{"example.org", "9000", "greeter.example.org:9000"},
	} {
		t.Setenv(static.ENV_STATIC_SELECTOR_DOMAIN_NAME, c.domain)
		t.Setenv(static.ENV_STATIC_SELECTOR_PORT_NUMBER, c.port)
		if got := address(t, static.NewSelector()); got != c.want {
			t.Errorf("domain %q and port %q give %s, want %s", c.domain, c.port, got, c.want)
		}
	}
}

func TestInitReadsTheEnvironmentAgain(t *testing.T) {
	s := static.NewSelector()
	t.Setenv(static.ENV_STATIC_SELECTOR_PORT_NUMBER, "9001")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	if got := address(t, s); got != "greeter:9001" {
		t.Errorf("the address is %s", got)
	}
}

func Example() {
	s := static.NewSelector()
	next, err := s.Select("greeter")
	if err != nil {
		fmt.Println(err)
		return
	}
	node, err := next()
	fmt.Println(s.String(), node.Address, err)
	// Output: static greeter:8080 <nil>
}
