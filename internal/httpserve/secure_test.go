package httpserve_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/netutil"

	"github.com/justcy/go-micro/v4/internal/httpserve"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// run starts a server of a handler, which ends with the test.
func run(t *testing.T, s *http.Server, h http.HandlerFunc) (at string, stop func(context.Context) error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return runOn(t, s, l, h)
}

func runOn(t *testing.T, s *http.Server, l net.Listener, h http.HandlerFunc) (at string, stop func(context.Context) error) {
	t.Helper()
	r := httpserve.Start("test", s, l, h, quiet)
	var once sync.Once
	stop = func(ctx context.Context) (err error) {
		once.Do(func() { err = r.Stop(ctx) })
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		stop(ctx) //nolint:errcheck // the test says whether that matters
	})
	return l.Addr().String(), stop
}

// dialSecure connects with TLS.
func dialSecure(t *testing.T, at string, config *tls.Config) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", at, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // a closed connection fails the write
	return conn
}

// dialPlain connects without TLS.
func dialPlain(t *testing.T, at string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // a closed connection fails the write
	return conn
}

// secureClient returns a client of HTTP/2 over TLS.
func secureClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// floods are ways to make a server work for nothing.
var floods = map[string]func(c *testkit.H2Conn) func() error{
	"resets": func(c *testkit.H2Conn) func() error { return c.OpenAndReset },
	"pings": func(c *testkit.H2Conn) func() error {
		return func() error { return c.Frame(testkit.H2Ping, 0, 0, make([]byte, 8)) }
	},
}

// flooded floods a connection until it ends, and checks how.
func flooded(t *testing.T, c *testkit.H2Conn, frames func(*testkit.H2Conn) func() error) {
	t.Helper()
	if code := c.Flood(frames(c)); code != testkit.H2Calm {
		t.Errorf("the connection has ended with code %#x", code)
	}
}

func ok(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }

func TestAFloodEndsWithEnhanceYourCalm(t *testing.T) {
	for name, frames := range floods {
		t.Run(name+" without TLS", func(t *testing.T) {
			at, _ := run(t, new(http.Server), ok)
			flooded(t, testkit.DialH2(t, at), frames)
		})
		t.Run(name+" with TLS", func(t *testing.T) {
			config, h2 := offered(t, "h2")
			at, _ := run(t, &http.Server{TLSConfig: config}, ok)
			flooded(t, testkit.NewH2(t, dialSecure(t, at, h2)), frames)
		})
		t.Run(name+" with TLS of the listener", func(t *testing.T) {
			config, h2 := offered(t, "h2")
			config.NextProtos = []string{"h2", "http/1.1"}
			l, err := tls.Listen("tcp", "127.0.0.1:0", config)
			if err != nil {
				t.Fatal(err)
			}
			at, _ := runOn(t, new(http.Server), l, ok)
			flooded(t, testkit.NewH2(t, dialSecure(t, at, h2)), frames)
		})
	}
}

func TestAServerWithProtocolsOfItsOwnIsFollowed(t *testing.T) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	at, _ := run(t, &http.Server{Protocols: protocols}, ok)
	flooded(t, testkit.DialH2(t, at), floods["resets"])

	protocols = new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	config, h2 := offered(t, "h2")
	at, _ = run(t, &http.Server{TLSConfig: config, Protocols: protocols}, ok)
	flooded(t, testkit.NewH2(t, dialSecure(t, at, h2)), floods["resets"])
}

func TestAServerWithAnHTTP2OfItsOwnKeepsIt(t *testing.T) {
	config, h2 := offered(t, "h2")
	config.NextProtos = []string{"h2"}
	own := func(_ *http.Server, c *tls.Conn, _ http.Handler) { io.WriteString(c, "own") }
	at, _ := run(t, &http.Server{TLSConfig: config, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": own}}, ok)
	if got, _ := io.ReadAll(dialSecure(t, at, h2)); string(got) != "own" {
		t.Errorf("it is served %q", got)
	}
}

// userKey is the context key of what the ConnContext of a server adds.
type userKey struct{}

// Whatever the protocol, handlers and hooks see the connection as it was accepted.
func TestHandlersAndHooksSeeTheConnectionThatWasAccepted(t *testing.T) {
	type server = struct {
		*http.Server
		mu     sync.Mutex
		states []string
		shown  []net.Conn
	}
	plain := map[bool]string{true: "*tls.Conn", false: "*net.TCPConn"}
	for name, secure := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": false, "HTTP/1.1 with TLS": true, "HTTP/2.0 with TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := &server{Server: new(http.Server)}
			s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.shown = append(s.shown, c)
				return context.WithValue(ctx, userKey{}, "of the user")
			}
			s.ConnState = func(c net.Conn, state http.ConnState) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.states = append(s.states, state.String())
				s.shown = append(s.shown, c)
			}
			if secure {
				s.TLSConfig, _ = offered(t, "")
			}
			at, stop := run(t, s.Server, func(w http.ResponseWriter, r *http.Request) {
				ctx := r.Context()
				local, _ := ctx.Value(http.LocalAddrContextKey).(net.Addr)
				fmt.Fprintln(w, r.Proto, r.TLS != nil && r.TLS.HandshakeComplete, ctx.Value(userKey{}), ctx.Value(http.ServerContextKey) == s.Server, local, r.RemoteAddr)
			})
			version := name[:len("HTTP/1.1")]
			protocols := new(http.Protocols)
			protocols.SetHTTP1(version == "HTTP/1.1")
			protocols.SetHTTP2(version == "HTTP/2.0" && secure)
			protocols.SetUnencryptedHTTP2(version == "HTTP/2.0" && !secure)
			var from string
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: protocols}
			transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err == nil {
					from = c.LocalAddr().String()
				}
				return c, err
			}
			scheme := map[bool]string{true: "https://", false: "http://"}[secure]
			for range 2 {
				rsp, err := (&http.Client{Transport: transport}).Get(scheme + at)
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(rsp.Body)
				rsp.Body.Close()
				if want := fmt.Sprintln(version, secure, "of the user", true, at, from); string(got) != want {
					t.Errorf("the handler sees %s, want %s", got, want)
				}
			}
			transport.CloseIdleConnections()
			states := func() []string {
				s.mu.Lock()
				defer s.mu.Unlock()
				return slices.Clone(s.states)
			}
			testkit.Eventually(t, "the connection is closed", func() bool { return slices.Contains(states(), "closed") })
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
			want := []string{"new", "active", "idle", "active", "idle", "closed"}
			if version == "HTTP/2.0" { // which is both once with the preface
				want = slices.Insert(want, 1, "active", "idle")
			}
			if got := states(); !slices.Equal(got, want) {
				t.Errorf("the states are %v, want %v", got, want)
			}
			for _, c := range s.shown {
				if got := fmt.Sprintf("%T", c); got != plain[secure] || c != s.shown[0] {
					t.Errorf("a hook is shown a %s", got)
				}
			}
		})
	}
}

func TestStopDrainsHTTP2OverTLS(t *testing.T) {
	config, h2 := offered(t, "h2")
	begun, finish := make(chan struct{}), make(chan struct{})
	at, stop := run(t, &http.Server{TLSConfig: config}, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		fmt.Fprint(w, "whole")
	})
	idle := testkit.NewH2(t, dialSecure(t, at, h2))
	if f, err := idle.ReadFrame(); err != nil || f.Kind != testkit.H2Settings {
		t.Fatal(f, err)
	}
	answered := make(chan error, 1)
	go func() {
		rsp, err := secureClient(t).Get("https://" + at)
		if err == nil {
			var body []byte
			body, err = io.ReadAll(rsp.Body)
			rsp.Body.Close()
			if string(body) != "whole" {
				err = errors.Join(err, fmt.Errorf("the answer is %q", body))
			}
		}
		answered <- err
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- stop(context.Background()) }()
	if code := idle.End(); code != 0 {
		t.Errorf("the idle connection ends with code %d", code)
	}
	select {
	case err := <-stopped:
		t.Errorf("Stop has not waited: %v", err)
	default:
	}
	close(finish)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopCutsOffHTTP2OverTLS(t *testing.T) {
	config, h2 := offered(t, "h2")
	begun := make(chan struct{})
	at, stop := run(t, &http.Server{TLSConfig: config}, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	c := testkit.NewH2(t, dialSecure(t, at, h2))
	b, _ := c.Open(nil, true, "/")
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop returns %v", err)
	}
	c.End()
}

func TestAConnectionForHTTP2ServesNothingElse(t *testing.T) {
	config, h2 := offered(t, "h2")
	at, _ := run(t, &http.Server{TLSConfig: config}, func(http.ResponseWriter, *http.Request) { t.Error("a request is served") })
	conn := dialSecure(t, at, h2)
	if _, err := io.WriteString(conn, h1Request); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

func TestHTTP2WithAWeakCipherIsRefused(t *testing.T) {
	config, h2 := offered(t, "h2")
	h2.MaxVersion = tls.VersionTLS12
	h2.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	at, _ := run(t, &http.Server{TLSConfig: config}, func(http.ResponseWriter, *http.Request) { t.Error("a request is served") })
	if code := (&testkit.H2Conn{Conn: dialSecure(t, at, h2)}).End(); code != 0xc {
		t.Errorf("the connection has ended with code %#x", code)
	}
}

func TestTheLimitsHoldForHTTP2OverTLS(t *testing.T) {
	for name, test := range map[string]struct {
		sends string
		lasts time.Duration
	}{
		"nothing":           {"", 10 * time.Second},
		"half a preface":    {testkit.H2Preface[:10], 10 * time.Second},
		"no request":        {testkit.H2Preface, 30*time.Second + time.Second}, // with the time for the go-away
		"after one request": {testkit.H2Preface + h2Request, 30*time.Second + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &http.Server{IdleTimeout: 30 * time.Second}
				config, h2 := offered(t, "h2")
				s.TLSConfig = config
				l, run := serveOver(s, 0, quiet)
				defer run.Stop(t.Context()) //nolint:errcheck // the connections are closed
				here := l.Dial()
				conn := tls.Client(here, h2)
				if err := conn.Handshake(); err != nil {
					t.Fatal(err)
				}
				var writing sync.WaitGroup
				writing.Go(func() { io.WriteString(conn, test.sends) })
				if after := lasts(conn); after != test.lasts {
					t.Errorf("the connection ended after %v, want %v", after, test.lasts)
				}
				here.Close()
				writing.Wait()
			})
		})
	}
}

func TestAHandlerThatTakesOverAConnectionFindsWhatWasAccepted(t *testing.T) {
	for name, secure := range map[string]bool{"without TLS": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) {
			s, h1 := new(http.Server), (*tls.Config)(nil)
			if secure {
				s.TLSConfig, h1 = offered(t, "http/1.1")
			}
			at, _ := run(t, s, func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				within, ok := conn.(interface{ NetConn() net.Conn })
				if !ok {
					t.Errorf("a %T does not show it", conn)
					return
				}
				fmt.Fprintf(conn, "%T", within.NetConn())
				half, ok := conn.(interface{ CloseWrite() error })
				if !ok || half.CloseWrite() != nil {
					t.Errorf("a %T cannot be closed by halves", conn)
				}
				io.Copy(io.Discard, conn)
			})
			var conn net.Conn
			if secure {
				conn = dialSecure(t, at, h1)
			} else {
				conn = dialPlain(t, at)
			}
			if _, err := io.WriteString(conn, h1Request); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != "*net.TCPConn" {
				t.Errorf("it finds a %s, %v", got, err)
			}
		})
	}
}

// Who takes over a connection must not believe that it is closed by halves. A listener
// with a limit has connections that cannot be.
func TestAConnectionThatCannotBeClosedByHalvesSaysSo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at, _ := runOn(t, new(http.Server), netutil.LimitListener(l, 10), func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
			t.Errorf("a %T claims to be", conn)
		}
	})
	conn := dialPlain(t, at)
	if _, err := io.WriteString(conn, h1Request); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestABodyIsNoLongerThanItsHeadSays(t *testing.T) {
	at, _ := run(t, new(http.Server), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("more than ten bytes")}); !errors.Is(err, http.ErrContentLength) {
			t.Errorf("the handler gets %v", err)
		}
	})
	conn := dialPlain(t, at)
	if _, err := io.WriteString(conn, h1Request); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); bytes.Contains(got, []byte("bytes")) {
		t.Errorf("%q", got)
	}
}

// stated is a connection whose listener knows of its TLS without a tls.Conn.
type stated struct{ net.Conn }

func (stated) ConnectionState() tls.ConnectionState { return tls.ConnectionState{ServerName: "stated"} }

type statedListener struct{ net.Listener }

func (l statedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return stated{c}, err
}

func TestTheTLSStateOfAnyConnectionIsThatOfItsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testkit.NewPipes()
		run := httpserve.Start("test", new(http.Server), statedListener{l}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.TLS != nil && r.TLS.ServerName == "stated")
		}), quiet)
		defer run.Stop(t.Context()) //nolint:errcheck // the connections are closed
		here := l.Dial()
		defer here.Close()
		go io.WriteString(here, h1Request)
		rsp, err := http.ReadResponse(bufio.NewReader(here), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(rsp.Body); string(got) != "true" {
			t.Errorf("it is %s, %v", got, err)
		}
	})
}

// late has a client shake hands, before or after Stop has begun, and sends a request
// after that. It returns all that the client gets.
func late(t *testing.T, before bool) (got string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := new(http.Server)
		config, h2 := offered(t, "h2")
		s.TLSConfig = config
		l, run := serveOver(s, 0, quiet)
		conn := tls.Client(l.Dial(), h2)
		shakeHands := func() {
			if err := conn.Handshake(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if before {
			shakeHands()
		}
		var working sync.WaitGroup
		defer working.Wait()
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		working.Go(func() { run.Stop(ctx) }) //nolint:errcheck // what the client sees is what counts
		synctest.Wait()
		if !before {
			shakeHands()
		}
		working.Go(func() { io.WriteString(conn, testkit.H2Preface+h2Request) })
		all, _ := io.ReadAll(conn)
		got = string(all)
	})
	return got
}

func TestAConnectionThatShakesHandsWhileTheServerStopsIsServed(t *testing.T) {
	if got := late(t, false); !strings.Contains(got, "ok") {
		t.Errorf("it gets %q", got)
	}
}

// So that its client may ask somebody else.
func TestAConnectionThatBeginsWhileTheServerStopsIsToldThatNothingWasServed(t *testing.T) {
	const goAway = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	if got := late(t, true); !strings.HasSuffix(got, goAway) {
		t.Errorf("it gets %q", got)
	}
}
