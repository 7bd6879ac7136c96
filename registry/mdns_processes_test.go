package registry_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// A process of the test is told by these variables which services to register.
const (
	domainVariable = "TEST_MDNS_DOMAIN"
	firstVariable  = "TEST_MDNS_FIRST"
)

const (
	processes       = 10
	servicesOfEach  = 20
	servicesRunning = processes * servicesOfEach
)

// TestServe is what the processes run: services until standard input ends.
func TestServe(t *testing.T) {
	domain := os.Getenv(domainVariable)
	if domain == "" {
		t.Skip("runs in processes of the tests only")
	}
	first, err := strconv.Atoi(os.Getenv(firstVariable))
	if err != nil {
		t.Fatal(err)
	}
	r := newMDNS(t, domain)
	for i := range servicesOfEach {
		s := greeter(fmt.Sprintf("192.0.2.7:%d", 1+first+i))
		s.Name = fmt.Sprint("service-", first+i)
		announce(t, r, s)
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
}

// serve starts a process that serves from first on until the test ends.
func serve(t *testing.T, domain string, first int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServe$")
	cmd.Env = append(os.Environ(), domainVariable+"="+domain, fmt.Sprint(firstVariable, "=", first))
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("process of services %d: %v", first, err)
		}
	})
}

func TestMDNSANewProcessFindsEveryRunningServiceAtOnce(t *testing.T) {
	domain := ownDomain()
	for i := range processes {
		serve(t, domain, i*servicesOfEach)
	}
	observer := newMDNS(t, domain)
	testkit.EventuallyWithin(t, 4*testkit.Patience, "all services run", func() bool { return len(listed(t, observer)) == servicesRunning })
	for try := range 5 {
		r := newMDNS(t, domain)
		var missed atomic.Int32
		var wg sync.WaitGroup
		for i := range servicesRunning {
			wg.Go(func() {
				services, err := r.GetService(fmt.Sprint("service-", i), registry.GetContext(context.Background()))
				if err != nil || len(services) == 0 {
					missed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := missed.Load(); n > 0 {
			t.Errorf("try %d: %d of %d running services are not found", try, n, servicesRunning)
		}
	}
}
