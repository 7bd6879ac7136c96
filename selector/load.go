package selector

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// latencyMemory is how fast measured latencies lose their weight: one that is this
// old counts 1/e of a new one.
const latencyMemory = 10 * time.Second

// loads knows what the nodes of one service have to do, by node id.
type loads struct {
	nodes sync.Map // node id to *load
}

// load is what one node has to do, as far as this selector gave it.
type load struct {
	mu       sync.Mutex
	inFlight int     // requests and streams
	latency  float64 // moving average in nanoseconds, 0 when unknown
	measured time.Time
}

func (l *loads) of(id string) *load {
	if v, ok := l.nodes.Load(id); ok {
		return v.(*load)
	}
	v, _ := l.nodes.LoadOrStore(id, &load{})
	return v.(*load)
}

// begin counts a request and returns the function that ends it.
func (l *loads) begin(id string) func(error) {
	n := l.of(id)
	n.add(1)
	start := time.Now()
	return func(err error) { n.end(start, err) }
}

// beginStream counts a stream and returns the function that ends it. How long
// it was open says nothing about how fast the node is.
func (l *loads) beginStream(id string) func() {
	n := l.of(id)
	n.add(1)
	return func() { n.add(-1) }
}

func (n *load) add(by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight += by
}

// end takes a request out of the count and its duration into the average. A
// failure never makes a node look faster: refusing is quickly done.
func (n *load) end(start time.Time, err error) {
	now := time.Now()
	took := float64(now.Sub(start))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight--
	if n.measured.IsZero() {
		if err == nil {
			n.latency, n.measured = took, now
		}
		return
	}
	if err != nil {
		took = max(took, n.latency)
	}
	weight := n.weight(now)
	n.latency, n.measured = weight*n.latency+(1-weight)*took, now
}

// weight is what the average still counts. Half of it always gives way, so
// that a busy node's average follows its requests.
func (n *load) weight(now time.Time) float64 {
	return min(0.5, math.Exp(-float64(now.Sub(n.measured))/float64(latencyMemory)))
}

// cost is what one more request would wait for, and the requests in flight.
// An average that nobody renews fades, so that a node which was slow is tried
// again.
func (n *load) cost(now time.Time) (cost float64, inFlight int, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.measured.IsZero() {
		return 0, n.inFlight, false
	}
	faded := n.latency * math.Exp(-float64(now.Sub(n.measured))/float64(latencyMemory))
	return float64(n.inFlight+1) * faded, n.inFlight, true
}

// pick compares two random nodes.
func (l *loads) pick(nodes []*registry.Node) *registry.Node {
	if len(nodes) == 1 {
		return nodes[0]
	}
	i := rand.IntN(len(nodes))
	j := rand.IntN(len(nodes) - 1)
	if j >= i {
		j++
	}
	if l.less(nodes[j].Id, nodes[i].Id) {
		return nodes[j]
	}
	return nodes[i]
}

// less reports whether node a has less to do than node b.
func (l *loads) less(a, b string) bool {
	now := time.Now()
	costA, inFlightA, knownA := l.of(a).cost(now)
	costB, inFlightB, knownB := l.of(b).cost(now)
	if knownA && knownB {
		return costA < costB
	}
	return inFlightA < inFlightB
}

// retain forgets the nodes that are not there any more.
func (l *loads) retain(there func(id string) bool) {
	l.nodes.Range(func(id, v any) bool {
		n := v.(*load)
		n.mu.Lock()
		idle := n.inFlight == 0
		n.mu.Unlock()
		if idle && !there(id.(string)) {
			l.nodes.Delete(id)
		}
		return true
	})
}
