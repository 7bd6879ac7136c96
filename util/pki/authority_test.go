package pki_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/util/pki"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// connect makes a connection between two sources and returns the errors of both ends.
func connect(t *testing.T, server, client mtls.Source, service string) (atServer, atClient error) {
	t.Helper()
	sc, err := server.Server(mtls.Endpoint{Service: "greeter", Addr: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	cc, err := client.Client(mtls.Endpoint{Service: service, Addr: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	var handshakes sync.WaitGroup
	handshakes.Go(func() {
		defer a.Close()
		conn := tls.Server(a, sc)
		if atServer = conn.Handshake(); atServer == nil {
			_, _ = conn.Write([]byte("x"))
		}
	})
	defer handshakes.Wait()
	defer b.Close()
	conn := tls.Client(b, cc)
	if atClient = conn.Handshake(); atClient == nil {
		_, atClient = conn.Read(make([]byte, 1)) // TLS 1.3 tells here that the client was refused
	}
	return atServer, atClient
}

func TestProcessesThatOpenOneFolderGetOneAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		seen = map[string]bool{}
	)
	for range 8 {
		all.Go(func() {
			a, err := pki.OpenAuthority(dir)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[string(a.CertPEM())] = true
		})
	}
	all.Wait()
	if len(seen) != 1 {
		t.Errorf("there are %d authorities", len(seen))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %d entries, %v", len(entries), err)
	}
	info, err := entries[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestAnAuthorityThatOthersCanReadIsRefused(t *testing.T) {
	for name, open := range map[string]func(dir string) error{
		"folder": func(dir string) error { return os.Chmod(dir, 0o755) },
		"file":   func(dir string) error { return os.Chmod(filepath.Join(dir, "authority.pem"), 0o644) },
	} {
		dir := filepath.Join(t.TempDir(), "ca")
		if _, err := pki.OpenAuthority(dir); err != nil {
			t.Fatal(err)
		}
		if err := open(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := pki.OpenAuthority(dir); err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatIsNoAuthoritySaysSo(t *testing.T) {
	a, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	b, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":         nil,
		"garbage":       []byte("garbage"),
		"no key":        a.CertPEM(),
		"another's key": append(bytes.Clone(a.CertPEM()), b.KeyPEM()...),
		"huge":          bytes.Repeat([]byte("x"), 2<<20),
	} {
		dir := filepath.Join(t.TempDir(), "ca")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "authority.pem"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := pki.OpenAuthority(dir); err == nil || !strings.Contains(err.Error(), "open authority") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACertificateIsForTheServiceAndItsHosts(t *testing.T) {
	a, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := a.Issue("greeter", "127.0.0.1", "::1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.CertPEM())
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Error(err)
		}
	}
	for host, ok := range map[string]bool{"127.0.0.1": true, "::1": true, "localhost": true, "127.0.0.2": false, "greeter": false} {
		if err := cert.Leaf.VerifyHostname(host); (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(cert.Leaf.URIs) != 1 || cert.Leaf.URIs[0].String() != "spiffe://go-micro/greeter" || cert.Leaf.IsCA {
		t.Errorf("it is for %v", cert.Leaf.URIs)
	}
	if lasts := time.Until(cert.Leaf.NotAfter); lasts > 24*time.Hour || lasts < 23*time.Hour {
		t.Errorf("it lasts %v", lasts)
	}
}

func TestCertificatesAreReplacedBeforeTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, err := pki.NewAuthority()
		if err != nil {
			t.Fatal(err)
		}
		src := a.Source()
		e := mtls.Endpoint{Service: "greeter", Addr: "127.0.0.1:1"}
		first, err := src.Server(e)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Hour)
		if same, err := src.Server(e); err != nil || same != first {
			t.Errorf("it was replaced after 15 hours: %v", err)
		}
		time.Sleep(2 * time.Hour)
		next, err := src.Server(e)
		if err != nil || next == first || time.Until(next.Certificates[0].Leaf.NotAfter) < 23*time.Hour {
			t.Errorf("after 17 hours: %v", err)
		}
	})
}

func TestSourcesOfOneAuthorityVerifyEachOther(t *testing.T) {
	a, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	b, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		server, client mtls.Source
		service        string
		ok             bool
	}{
		"the service":     {a.Source(), a.Source(), "greeter", true},
		"the host":        {a.Source(), a.Source(), "", true},
		"any service":     {a.Source(), a.Source(), mtls.AnyService, true},
		"another service": {a.Source(), a.Source(), "bank", false},
		"of two":          {a.Source(), b.Source(), "greeter", false},
		"any of another":  {a.Source(), b.Source(), mtls.AnyService, false},
	} {
		t.Run(name, func(t *testing.T) {
			atServer, atClient := connect(t, tc.server, tc.client, tc.service)
			if ok := atServer == nil && atClient == nil; ok != tc.ok {
				t.Errorf("server: %v; client: %v", atServer, atClient)
			}
		})
	}
}

func TestDefaultReadsTheEnvironment(t *testing.T) {
	t.Setenv(pki.EnvAuthority, filepath.Join(t.TempDir(), "ca"))
	if atServer, atClient := connect(t, pki.Default(), pki.Default(), "greeter"); atServer != nil || atClient != nil {
		t.Errorf("server: %v; client: %v", atServer, atClient)
	}
	t.Setenv(pki.EnvCert, "cert.pem")
	if _, err := pki.Default().Server(mtls.Endpoint{}); err == nil || !strings.Contains(err.Error(), "all three") {
		t.Errorf("got %v", err)
	}
	t.Setenv(pki.EnvKey, "key.pem")
	t.Setenv(pki.EnvCA, "ca.pem")
	if _, err := pki.Default().Client(mtls.Endpoint{}); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutAPlaceTheAuthorityIsThatOfTheProcess(t *testing.T) {
	for _, name := range []string{pki.EnvAuthority, "HOME", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	if atServer, atClient := connect(t, pki.Default(), pki.Default(), "greeter"); atServer != nil || atClient != nil {
		t.Errorf("server: %v; client: %v", atServer, atClient)
	}
}
