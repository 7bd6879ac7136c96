package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	client "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/util/pki"
)

func findRedis(b *Backend) (stop func()) {
	if url := os.Getenv("MICRO_TEST_REDIS_URL"); url != "" {
		b.is(Real, url, "at "+url)
		return nil
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		return imitateRedis(b)
	}
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		b.is(Absent, "", err.Error())
		return nil
	}
	p, port, err := startRedisAnywhere(dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		b.is(Absent, "", err.Error())
		return nil
	}
	b.is(Real, "redis://127.0.0.1:"+strconv.Itoa(port), redisVersion())
	return func() {
		p.stop()
		_ = os.RemoveAll(dir)
	}
}

// imitateRedis runs miniredis, whose clock has to be wound.
func imitateRedis(b *Backend) (stop func()) {
	s, err := miniredis.Run()
	if err != nil {
		b.is(Absent, "", err.Error())
		return nil
	}
	b.imitation = true
	b.is(Embedded, "redis://"+s.Addr(), "miniredis, because there is no redis-server on the PATH")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case now := <-tick.C:
				s.FastForward(now.Sub(last))
				last = now
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		s.Close()
	}
}

// redisProcess is a redis-server that ends with this process, however that ends:
// the shell around it waits for the end of its input.
type redisProcess struct {
	*exec.Cmd
	input interface{ Close() error }
}

const redisScript = `redis-server "$@" & cat >/dev/null; kill -9 $!; wait`

func startRedis(dir string, port int, more ...string) (*redisProcess, error) {
	cmd := exec.Command("sh", append([]string{"-c", redisScript, "redis-server",
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "no", "--logfile", "redis.log"}, more...)...)
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	p := &redisProcess{cmd, input}
	if err := awaitRedis(fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		p.stop()
		log, _ := os.ReadFile(dir + "/redis.log")
		return nil, fmt.Errorf("%w: %s", err, log)
	}
	return p, nil
}

// startRedisAnywhere starts a server on a port that is free.
func startRedisAnywhere(dir string) (p *redisProcess, port int, err error) {
	for range 5 {
		if port, err = freePort(); err != nil {
			return nil, 0, err
		}
		if p, err = startRedis(dir, port); err == nil {
			return p, port, nil
		}
	}
	return nil, 0, err
}

func (p *redisProcess) stop() {
	_ = p.input.Close()
	_ = p.Wait()
}

func awaitRedis(addr string) error {
	c := client.NewClient(&client.Options{Addr: addr, MaxRetries: -1})
	defer c.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := c.Ping(context.Background()).Err()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redis-server does not answer at %s: %w", addr, err)
		}
	}
}

func redisVersion() string {
	out, err := exec.Command("redis-server", "--version").Output()
	if err != nil {
		return "redis-server"
	}
	line, _, _ := bufio.ScanLines(out, true)
	return strings.TrimSpace(string(out[:max(line-1, 0)]))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// NewRedis starts a Redis server of the test's own, which it can stop and start.
// What was written is still there afterwards. Without redis-server the test is
// skipped.
func NewRedis(t testing.TB) *Server {
	t.Helper()
	needRedisServer(t)
	dir := t.TempDir()
	var p *redisProcess
	return newServer(t, "redis", func(port int) error {
		started, err := startRedis(dir, port)
		p = started
		return err
	}, func() { p.stop() })
}

func needRedisServer(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if redis.Missing() {
			t.Fatal(err)
		}
		t.Skip(errors.Join(errors.New("no server of the test's own"), err))
	}
}

// NewSecureRedis starts a Redis server that speaks TLS, for the test, and returns its
// address and the certificate that it shows, for 127.0.0.1. Where redis-server knows
// no TLS the test is skipped.
func NewSecureRedis(t testing.TB) (addr string, certificate []byte) {
	t.Helper()
	needRedisServer(t)
	dir := t.TempDir()
	public, private, err := pki.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	certificate, key, err := pki.CA(pki.KeyPair(public, private), pki.IPAddresses(net.IPv4(127, 0, 0, 1)),
		pki.NotBefore(time.Now().Add(-time.Hour)), pki.NotAfter(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{dir + "/cert.pem": certificate, dir + "/key.pem": key}
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secure := testkit.FreePort(t)
	p, err := startRedis(dir, testkit.FreePort(t), "--tls-port", strconv.Itoa(secure), "--tls-auth-clients", "no",
		"--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem")
	if err != nil {
		t.Skipf("no redis-server with TLS: %v", err)
	}
	t.Cleanup(p.stop)
	return fmt.Sprintf("127.0.0.1:%d", secure), certificate
}
