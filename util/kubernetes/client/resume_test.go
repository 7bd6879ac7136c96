package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// cutter is a way to a server on which every connection is cut after some bytes of
// its answers.
type cutter struct {
	net.Listener
	cuts  atomic.Int64
	conns sync.WaitGroup
}

func newCutter(t *testing.T, server string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l}
	c.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.conns.Go(func() { c.forward(conn, strings.TrimPrefix(server, "http://")) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.conns.Wait()
	})
	return c
}

func (c *cutter) forward(conn net.Conn, server string) {
	defer conn.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	c.conns.Go(func() {
		_, _ = io.Copy(up, conn)
		up.Close()
	})
	if n, _ := io.CopyN(conn, up, 300+rand.Int64N(4000)); n > 0 {
		c.cuts.Add(1)
	}
}

// happened is what a watcher tells of an event.
func happened(t *testing.T, e client.Event) string {
	t.Helper()
	var o struct {
		Metadata struct{ Name, ResourceVersion string }
	}
	if err := json.Unmarshal(e.Object, &o); err != nil {
		t.Fatalf("%v: %s", err, e.Object)
	}
	return fmt.Sprintf("%s %s %s", e.Type, o.Metadata.Name, o.Metadata.ResourceVersion)
}

const pods = "/api/v1/namespaces/default/pods/"

// A watch whose stream is cut a hundred times, in the middle of a line as a rule,
// tells of every event once and in order.
func TestAWatchThatIsCutMissesNoEvent(t *testing.T) {
	server := kubetest.New(t)
	way := newCutter(t, server.URL)
	w, err := client.NewLocalClient("http://"+way.Addr().String()).Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var want, got []string
	there := map[string]bool{}
	for version := 2; way.cuts.Load() < 100; version++ {
		name := fmt.Sprintf("pod%d", rand.N(20))
		kind := "ADDED"
		switch {
		case there[name] && rand.N(3) == 0:
			kind = "DELETED"
			server.Remove(pods + name)
		case there[name]:
			kind = "MODIFIED"
			fallthrough
		default:
			server.Put(pods+name, `{"metadata": {"namespace": "default"}, "status": {"podIP": "`+strings.Repeat("1", rand.N(200))+`"}}`)
		}
		there[name] = kind != "DELETED"
		want = append(want, fmt.Sprintf("%s %s %d", kind, name, version))
		for len(want)-len(got) > 10 {
			got = append(got, happened(t, <-w.Chan()))
		}
	}
	for len(got) < len(want) {
		got = append(got, happened(t, <-w.Chan()))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d events %q\nwant %d %q", len(got), got, len(want), want)
	}
	t.Logf("%d events, %d cuts", len(got), way.cuts.Load())
}

func TestAWatchGoesOnAlthoughTheServerHasForgotten(t *testing.T) {
	server := kubetest.New(t)
	for _, name := range []string{"stays", "changes", "goes", "replaced"} {
		server.Put(pods+name, `{"metadata": {"namespace": "default"}}`)
	}
	w, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	for range 4 {
		if e := <-w.Chan(); e.Type != client.Added {
			t.Errorf("got %s", e.Type)
		}
	}
	var asked atomic.Bool
	server.Fault(func(rw http.ResponseWriter, r *http.Request) bool { // nothing is heard meanwhile
		asked.Store(true)
		kubetest.Refuse(rw, http.StatusServiceUnavailable, "ServiceUnavailable", "")
		return true
	})
	server.CloseClientConnections()
	testkit.Eventually(t, "the watch asked again", asked.Load)
	server.Remove(pods + "goes")
	server.Remove(pods + "replaced")
	server.Put(pods+"changes", `{"metadata": {"namespace": "default"}, "spec": {}}`)
	server.Put(pods+"replaced", `{"metadata": {"namespace": "default"}}`)
	server.Put(pods+"new", `{"metadata": {"namespace": "default"}}`)
	server.Forget()
	server.Put(pods+"newer", `{"metadata": {"namespace": "default"}}`)
	server.Fault(nil)
	var got []string
	for range 6 {
		got = append(got, happened(t, <-w.Chan()))
	}
	want := []string{"MODIFIED changes 8", "ADDED new 10", "ADDED newer 11", "DELETED replaced 5", "ADDED replaced 9", "DELETED goes 4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	server.Put(pods+"last", `{"metadata": {"namespace": "default"}}`)
	if got := happened(t, <-w.Chan()); got != "ADDED last 12" {
		t.Errorf("got %q", got)
	}
}

func TestAWatchThatIsRefusedForGoodSaysSoAndEnds(t *testing.T) {
	server := kubetest.New(t)
	server.Put(pods+"a", `{}`)
	w, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	<-w.Chan()
	server.Fault(func(rw http.ResponseWriter, r *http.Request) bool {
		kubetest.Refuse(rw, http.StatusForbidden, "Forbidden", "")
		return true
	})
	server.CloseClientConnections()
	e := <-w.Chan()
	if e.Type != client.Error || !strings.Contains(string(e.Object), "403") {
		t.Errorf("got %s %s", e.Type, e.Object)
	}
	if e, open := <-w.Chan(); open {
		t.Errorf("got %s %s", e.Type, e.Object)
	}
	if _, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod"}, client.WatchResume()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v", err)
	}
}
