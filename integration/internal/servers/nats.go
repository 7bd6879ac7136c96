package servers

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience is how long a server may take to come up on a machine that stalls.
const patience = 30 * time.Second

// maxPayload is the largest message of servers that are started here, in bytes: what
// a rule about bodies of several megabytes needs.
const maxPayload = 16 << 20

func findNATS(b *Backend) (stop func()) {
	if url := os.Getenv("MICRO_TEST_NATS_URL"); url != "" {
		b.is(Real, url, "at "+url)
		return nil
	}
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		b.is(Absent, "", err.Error())
		return nil
	}
	s, err := startNATS(dir, server.RANDOM_PORT)
	if err != nil {
		_ = os.RemoveAll(dir)
		b.is(Absent, "", err.Error())
		return nil
	}
	b.is(Embedded, s.ClientURL(), "nats-server "+server.VERSION+" with JetStream")
	return func() {
		stopNATS(s)
		_ = os.RemoveAll(dir)
	}
}

func startNATS(dir string, port int, change ...func(*server.Options)) (*server.Server, error) {
	o := &server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir,
		NoLog: true, NoSigs: true,
		MaxPayload: maxPayload,
	}
	for _, f := range change {
		f(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fmt.Errorf("starting a NATS server: %w", err)
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		stopNATS(s)
		return nil, errors.New("the NATS server does not become ready")
	}
	return s, nil
}

func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// NewNATS starts a NATS server of the test's own, which it can stop and start.
func NewNATS(t testing.TB) *Server { return NewNATSWith(t) }

// NewNATSWith is NewNATS with other options.
func NewNATSWith(t testing.TB, change ...func(*server.Options)) *Server {
	dir := t.TempDir()
	var s *server.Server
	return newServer(t, "nats", func(port int) error {
		started, err := startNATS(dir, port, change...)
		s = started
		return err
	}, func() { stopNATS(s) })
}

// NewNATSProcess is NewNATS with a server in a process of its own: Stop kills it, so
// that it can write nothing any more.
func NewNATSProcess(t testing.TB) *Server {
	program := filepath.Join(t.TempDir(), "natsserver")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/justcy/go-micro/v4/integration/natsserver").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := t.TempDir()
	var process *exec.Cmd
	return newServer(t, "nats", func(port int) (err error) {
		process, err = startProcess(program, "-port", strconv.Itoa(port), "-dir", dir)
		return err
	}, func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
}

// startProcess starts a program that prints a line when it is ready, and ends with
// its standard input.
func startProcess(program string, args ...string) (*exec.Cmd, error) {
	p := exec.Command(program, args...)
	p.Stderr = os.Stderr
	if _, err := p.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		_ = p.Process.Kill()
		_ = p.Wait()
		return nil, fmt.Errorf("%s ends at once: %w", program, err)
	}
	return p, nil
}
