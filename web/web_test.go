package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/web"
)

func TestMain(m *testing.M) {
	testkit.Main(m, http.DefaultTransport.(*http.Transport).CloseIdleConnections)
}

var quiet = logger.NewLogger(logger.WithOutput(io.Discard))

// site makes a service in a registry of its own.
func site(t *testing.T, opts ...web.Option) (web.Service, registry.Registry) {
	t.Helper()
	r := registry.NewMemoryRegistry()
	s := web.NewService(append([]web.Option{
		web.Name("site"), web.Address("127.0.0.1:0"), web.Registry(r), web.Logger(quiet), web.StaticDir(""),
		web.MicroService(micro.NewService(micro.Registry(r), micro.Logger(quiet))),
	}, opts...)...)
	t.Cleanup(func() { _ = s.Stop() })
	return s, r
}

func start(t *testing.T, s web.Service) string {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s.Options().Address
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	rsp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp.StatusCode, string(body)
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

func TestAServiceIsRegisteredWhileItRuns(t *testing.T) {
	s, r := site(t, web.Version("7"), web.Id("node"), web.Icon("house"), web.Advertise("192.0.2.1:80"))
	s.HandleFunc("/hello", hello)
	s.Handle("/other/", http.NotFoundHandler())
	at := start(t, s)
	if code, body := get(t, "http://"+at+"/hello"); code != 200 || body != "hello" {
		t.Errorf("got %d %s", code, body)
	}
	found, err := r.GetService("site")
	if err != nil || len(found) != 1 || found[0].Version != "7" || len(found[0].Endpoints) != 2 || found[0].Endpoints[0].Name != "/hello" {
		t.Fatalf("got %+v, %v", found, err)
	}
	if n := found[0].Nodes[0]; n.Id != "node" || n.Address != "192.0.2.1:80" || n.Metadata["icon"] != "house" {
		t.Errorf("got %+v", n)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := r.GetService("site"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestIPv6AddressesHaveTheirBracketsOnce(t *testing.T) {
	for _, advertise := range []string{"[2001:db8::1]:80", "2001:db8::1"} {
		s, r := site(t, web.Advertise(advertise))
		start(t, s)
		found, err := r.GetService("site")
		if err != nil || found[0].Nodes[0].Address != advertise {
			t.Errorf("%s: got %+v, %v", advertise, found, err)
		}
		_ = s.Stop()
	}
}

func TestAServiceCanBeStoppedAndStartedAgain(t *testing.T) {
	s, r := site(t, web.RegisterInterval(time.Hour), web.Server(&http.Server{ReadTimeout: time.Minute}))
	s.HandleFunc("/", hello)
	for range 2 {
		at := start(t, s)
		if err := s.Start(); err != nil { // it runs: nothing happens
			t.Error(err)
		}
		if code, _ := get(t, "http://"+at+"/"); code != 200 {
			t.Errorf("got %d", code)
		}
		if _, err := r.GetService("site"); err != nil {
			t.Error(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	}
}

func TestStopFinishesTheRequestsInFlight(t *testing.T) {
	s, _ := site(t)
	in, out := make(chan struct{}), make(chan struct{})
	s.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		close(in)
		<-web.Draining(r.Context())
		<-out
		fmt.Fprint(w, "done")
	})
	at := start(t, s)
	body := make(chan string)
	go func() {
		_, b := get(t, "http://"+at+"/slow")
		body <- b
	}()
	<-in
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	close(out)
	if b := <-body; b != "done" {
		t.Errorf("got %q", b)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	s, _ := site(t, web.StopTimeout(time.Millisecond))
	in := make(chan struct{})
	s.HandleFunc("/stuck", func(_ http.ResponseWriter, r *http.Request) { close(in); <-r.Context().Done() })
	at := start(t, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if rsp, err := http.Get("http://" + at + "/stuck"); err == nil {
			_ = rsp.Body.Close()
		}
	}()
	<-in
	if err := s.Stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-done
}

func TestHooksRunInTheirPlaces(t *testing.T) {
	var order []string
	hook := func(name string, err error) func() error {
		return func() error { order = append(order, name); return err }
	}
	s, _ := site(t, web.BeforeStart(hook("1", nil)), web.BeforeStart(hook("2", nil)), web.AfterStart(hook("3", nil)),
		web.BeforeStop(hook("4", io.ErrNoProgress)), web.AfterStop(hook("5", nil)))
	start(t, s)
	if err := s.Stop(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
	if got := strings.Join(order, ""); got != "12345" {
		t.Errorf("got %s", got)
	}
}

// failing is a registry that refuses to register, and to deregister.
type failing struct {
	registry.Registry
	registers atomic.Int32
}

func (f *failing) Register(*registry.Service, ...registry.RegisterOption) error {
	f.registers.Add(1)
	return io.ErrShortWrite
}

func TestAStartThatFailsLeavesNothingBehind(t *testing.T) {
	port := testkit.FreePort(t)
	at := fmt.Sprintf("127.0.0.1:%d", port)
	f := &failing{Registry: registry.NewMemoryRegistry()}
	for name, opts := range map[string][]web.Option{
		"before":   {web.BeforeStart(func() error { return io.ErrShortWrite })},
		"after":    {web.AfterStart(func() error { return io.ErrShortWrite })},
		"register": {web.Registry(f)},
		"check":    {web.RegisterCheck(func(context.Context) error { return io.ErrShortWrite })},
	} {
		s, _ := site(t, append(opts, web.Address(at))...)
		if err := s.Start(); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: got %v", name, err)
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatalf("%s: the port is not free: %v", name, err)
		}
		_ = l.Close()
	}
	if n := f.registers.Load(); n != 3 {
		t.Errorf("registering was tried %d times", n)
	}
}

// silent is a registry that does not answer when a service deregisters.
type silent struct{ registry.Registry }

func (silent) Deregister(_ *registry.Service, opts ...registry.DeregisterOption) error {
	var o registry.DeregisterOptions
	for _, opt := range opts {
		opt(&o)
	}
	<-o.Context.Done()
	return o.Context.Err()
}

func TestStopDoesNotWaitForARegistryForLong(t *testing.T) {
	s, _ := site(t, web.Registry(silent{registry.NewMemoryRegistry()}), web.StopTimeout(time.Millisecond))
	start(t, s)
	if err := s.Stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAServiceRegistersAgainAndAgain(t *testing.T) {
	s, r := site(t, web.RegisterInterval(10*time.Millisecond))
	start(t, s)
	found, _ := r.GetService("site")
	_ = r.Deregister(found[0])
	testkit.Eventually(t, "the service is registered again", func() bool { _, err := r.GetService("site"); return err == nil })
}

func TestFilesAreServedAtTheRoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte("page"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "secret.txt"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := site(t, web.StaticDir(dir))
	s.HandleFunc("/hello", hello)
	at := start(t, s)
	for path, want := range map[string]string{"/page.txt": "200 page", "/hello": "200 hello"} {
		if code, body := get(t, "http://"+at+path); fmt.Sprint(code, " ", body) != want {
			t.Errorf("%s: got %d %s", path, code, body)
		}
	}
	for _, path := range []string{"/%2e%2e/secret.txt", "/..%2fsecret.txt", "/..%5csecret.txt", "/x/../../secret.txt", "/a%00"} {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), `"code":400`) {
			t.Errorf("%s: got %s", path, answer)
		}
	}
}

func TestWithoutFilesTheRootIsNotFound(t *testing.T) {
	s, _ := site(t)
	if code, _ := get(t, "http://"+start(t, s)+"/x"); code != 404 {
		t.Errorf("got %d", code)
	}
}

func TestAHandlerTakesThePlaceOfAll(t *testing.T) {
	s, _ := site(t, web.Handler(http.HandlerFunc(hello)))
	s.Handle("/x", http.NotFoundHandler())
	if code, _ := get(t, "http://"+start(t, s)+"/x"); code != 200 {
		t.Errorf("got %d", code)
	}
}

func TestASecureServiceServesTLSAndHTTP2(t *testing.T) {
	s, _ := site(t, web.Secure(true))
	s.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	at := start(t, s)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	rsp, err := (&http.Client{Transport: transport}).Get("https://" + at + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "HTTP/2.0" {
		t.Errorf("got %s", body)
	}
}

func TestAnAddressMayBeARangeOfPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	first := taken.Addr().(*net.TCPAddr).Port
	s, _ := site(t, web.Address(fmt.Sprintf("127.0.0.1:%d-%d", first, min(first+200, 65535))))
	if at := start(t, s); at == taken.Addr().String() {
		t.Errorf("listens on %s", at)
	}
}

func TestTheClientFindsServicesByName(t *testing.T) {
	s, _ := site(t)
	s.HandleFunc("/hello", hello)
	start(t, s)
	c := s.Client()
	rsp, err := c.Get("http://site/hello")
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "hello" {
		t.Errorf("got %s", body)
	}
	if web.NewService(web.MicroService(micro.NewService(micro.Logger(quiet)))).Client() == nil { // without a registry of its own
		t.Error("no client")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, r := site(t, web.Context(ctx))
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	testkit.Eventually(t, "the service is registered", func() bool { _, err := r.GetService("site"); return err == nil })
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if _, err := r.GetService("site"); err == nil {
		t.Error("the service is still registered")
	}
}

func TestTheCommandLineChangesWhatItSays(t *testing.T) {
	args := os.Args
	defer func() { os.Args = args }()
	os.Args = []string{"site", "--server_name=other", "--register_ttl=7", "--server_address=127.0.0.1:1234", "--extra=x"}
	var extra string
	s, _ := site(t, web.RegisterInterval(5*time.Second), web.Flags(&cli.StringFlag{Name: "extra"}),
		web.Action(func(c *cli.Context) { extra = c.String("extra") }))
	if err := s.Init(web.Version("8")); err != nil {
		t.Fatal(err)
	}
	o := s.Options()
	if o.Name != "other" || o.RegisterTTL != 7*time.Second || o.Address != "127.0.0.1:1234" || o.Version != "8" || extra != "x" {
		t.Errorf("got %+v", o)
	}
	if o.RegisterInterval != 5*time.Second {
		t.Errorf("the default of a flag wins over the code: %v", o.RegisterInterval)
	}
}
