//go:build unix

package client_test

import (
	"context"
	stderrors "errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// nodeEnv makes the test binary a process with a service.
const nodeEnv = "MICRO_TEST_NODE_PROCESS"

// Node is the service of a process. Its name says who answers.
type Node struct {
	Sleeper
	id string
}

func (n *Node) Who(_ context.Context, _ *Request, rsp *Response) error {
	rsp.Greeting = n.id
	return nil
}

// TestNodeProcess is the process of a node, until its standard input ends.
func TestNodeProcess(t *testing.T) {
	id := os.Getenv(nodeEnv)
	if id == "" {
		t.Skip("it is run by the tests about processes")
	}
	r := registry.NewMemoryRegistry()
	s := server.NewServer(server.Name("node"), server.Address("127.0.0.1:0"), server.Registry(r),
		server.Broker(broker.NewMemoryBroker()), server.Transport(transport.NewHTTPTransport()))
	if err := s.Handle(s.NewHandler(&Node{id: id})); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nlistening on %s\n", s.Options().Address)
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = s.Stop()
}

// nodeProcess is a node that runs in a process of its own.
type nodeProcess struct {
	*registry.Node
	process *os.Process
}

func startNode(t *testing.T, id string) nodeProcess {
	t.Helper()
	p := testkit.StartTest(t, "TestNodeProcess", nodeEnv+"="+id)
	t.Cleanup(func() { _ = p.Process.Signal(syscall.SIGCONT) }) // before it is to end
	for p.Out.Scan() {
		if addr, ok := strings.CutPrefix(p.Out.Text(), "listening on "); ok {
			node := &registry.Node{Id: id, Address: addr, Metadata: map[string]string{"protocol": "mucp"}}
			return nodeProcess{node, p.Process}
		}
	}
	t.Fatal("the process of the node did not start")
	panic("unreachable")
}

func (p nodeProcess) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// twoNodes starts two processes and a client that finds them.
func twoNodes(t *testing.T, tr transport.Transport) (one, two nodeProcess, c client.Client) {
	t.Helper()
	one, two = startNode(t, "one"), startNode(t, "two")
	r := registry.NewMemoryRegistry()
	if err := r.Register(&registry.Service{Name: "node", Version: "1", Nodes: []*registry.Node{one.Node, two.Node}}); err != nil {
		t.Fatal(err)
	}
	s := selector.NewSelector(selector.Registry(r))
	t.Cleanup(func() { _ = s.Close() })
	c = newClient(t, tr, client.Selector(s), client.Retries(client.DefaultRetries), client.RequestTimeout(2*time.Second))
	testkit.Eventually(t, "both nodes answer", func() bool {
		return who(c) == "one"
	})
	testkit.Eventually(t, "both nodes answer", func() bool {
		return who(c) == "two"
	})
	return one, two, c
}

// who returns the name of the node that answers, or nothing.
func who(c client.Client) string {
	var rsp Response
	_ = c.Call(context.Background(), c.NewRequest("node", "Node.Who", &Request{}), &rsp)
	return rsp.Greeting
}

func TestAFrozenProcessFailsAtMostOneCallInTen(t *testing.T) {
	for name, tr := range map[string]func() transport.Transport{
		"multiplexed": func() transport.Transport { return transport.NewHTTPTransport() },
		"plain":       func() transport.Transport { return transport.NewHTTPTransport(transport.DisableMux()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			frozen, _, c := twoNodes(t, tr())
			frozen.signal(t, syscall.SIGSTOP)
			failed := 0
			for range 45 {
				if who(c) == "" {
					failed++
				}
			}
			if failed > 4 {
				t.Errorf("%d of 45 calls failed", failed)
			}
			frozen.signal(t, syscall.SIGCONT)
			testkit.EventuallyWithin(t, 2*time.Minute, "the node is called again after it woke up", func() bool {
				return who(c) == "one"
			})
		})
	}
}

func TestAProcessWithOneSlowHandlerKeepsItsShareOfTheCalls(t *testing.T) {
	t.Parallel()
	_, _, c := twoNodes(t, transport.NewHTTPTransport())
	for range 3 {
		err := c.Call(context.Background(), c.NewRequest("node", "Node.Sleep", &Request{}), nil, client.WithRequestTimeout(time.Second))
		if !stderrors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the slow handler answered: %v", err)
		}
		for _, id := range []string{"one", "two"} {
			testkit.EventuallyWithin(t, 5*time.Second, "node "+id+" answers another call", func() bool { return who(c) == id })
		}
	}
}
