package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

const (
	gatewayCallers = 8
	gatewayPause   = 5 * time.Millisecond // of each caller between two requests
)

// webLoad posts to the greeter through a gateway and notes who answers.
type webLoad struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int
	failed   []error
}

func startWebLoad(t *testing.T, url string) *webLoad {
	ctx, cancel := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: gatewayCallers}
	l := &webLoad{url: url, client: &http.Client{Transport: transport, Timeout: patience}, stop: cancel, answered: map[string]int{}}
	for range gatewayCallers {
		l.group.Go(func() {
			for ctx.Err() == nil {
				l.note(l.call())
				time.Sleep(gatewayPause)
			}
		})
	}
	t.Cleanup(func() {
		l.end()
		transport.CloseIdleConnections()
	})
	return l
}

// call makes a request and returns who answered it.
func (l *webLoad) call() (server string, err error) {
	rsp, err := l.client.Post(l.url, "application/json", bytes.NewReader([]byte(`{"name":"Ada"}`)))
	if err != nil {
		return "", err
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ Greeting, Server string }
	if err := json.Unmarshal(body, &answer); err != nil || rsp.StatusCode != http.StatusOK || answer.Greeting != "Hello Ada" {
		return "", fmt.Errorf("%d %s", rsp.StatusCode, body)
	}
	return answer.Server, nil
}

func (l *webLoad) note(server string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err)
		return
	}
	l.answered[server]++
}

func (l *webLoad) by(server string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered[server]
}

// end waits for the requests that are under way.
func (l *webLoad) end() {
	l.stop()
	l.group.Wait()
}

// TestARollingRestartBehindAGatewayCostsNoRequest replaces three services, one
// after the other, while requests come in.
func TestARollingRestartBehindAGatewayCostsNoRequest(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	gateway := start(t, "gateway", address)
	go func() {
		for range gateway.lines { // its access log
		}
	}()
	greeter := func(id string) *process {
		return start(t, "srv", "--server_name", "go.micro.greeter", "--server_id", id)
	}
	running := map[string]*process{}
	for _, id := range []string{"one", "two", "three"} {
		running[id] = greeter(id)
	}
	probe := &webLoad{url: "http://" + address + "/greeter/Greeter/Hello", client: new(http.Client)}
	for _, id := range []string{"one", "two", "three"} {
		testkit.EventuallyWithin(t, patience, id+" answers through the gateway", func() bool {
			by, err := probe.call()
			return err == nil && by == id
		})
	}
	probe.client.CloseIdleConnections()

	l := startWebLoad(t, probe.url)
	for _, id := range []string{"one", "two", "three"} {
		next := "new " + id
		replacement := greeter(next)
		testkit.EventuallyWithin(t, patience, next+" answers", func() bool { return l.by(next) >= 50 })
		stop(t, running[id])
		running[id] = replacement
	}
	l.end()
	if len(l.failed) > 0 {
		t.Errorf("%d requests failed, the first with: %v\n%s", len(l.failed), l.failed[0], gateway.logged())
	}
	t.Logf("answered: %v", l.answered)
	for _, p := range running {
		stop(t, p)
	}
	if err := gateway.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := gateway.Wait(); err != nil {
		t.Errorf("%v\n%s", err, gateway.logged())
	}
}
