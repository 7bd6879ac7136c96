package pki

import (
	"cmp"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/justcy/go-micro/v4/logger"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// Environment variables that Default reads.
const (
	// EnvCert, EnvKey and EnvCA name the files for Files.
	EnvCert = "MICRO_TLS_CERT"
	EnvKey  = "MICRO_TLS_KEY"
	EnvCA   = "MICRO_TLS_CA"
	// EnvAuthority names the folder of the authority of this host.
	EnvAuthority = "MICRO_CA_DIR"
)

// Default returns the source of those who ask for TLS without saying whom to trust,
// by transport.Secure(true) for instance. It is read when it is used first.
//
// With the environment variables MICRO_TLS_CERT, MICRO_TLS_KEY and MICRO_TLS_CA it
// is that of the Files they name. Else the certificates are issued by an authority
// of the user on this host: the one in the folder MICRO_CA_DIR, by default
// go-micro/ca in the user's configuration folder, which is made when it is not
// there. Services of one user on one host, or with one such folder, believe each
// other then. That is for development: whoever can read the folder can be any
// service. Clients without a certificate are accepted, and dialled are also hosts
// for which an authority of the system vouches.
func Default() mtls.Source {
	return &lazy{open: sync.OnceValues(openDefault)}
}

// lazy is a source that is opened when it is used first.
type lazy struct {
	open func() (mtls.Source, error)
}

func (l *lazy) Server(e mtls.Endpoint) (*tls.Config, error) {
	src, err := l.open()
	if err != nil {
		return nil, err
	}
	return src.Server(e)
}

func (l *lazy) Client(e mtls.Endpoint) (*tls.Config, error) {
	src, err := l.open()
	if err != nil {
		return nil, err
	}
	return src.Client(e)
}

func openDefault() (mtls.Source, error) {
	cert, key, ca := os.Getenv(EnvCert), os.Getenv(EnvKey), os.Getenv(EnvCA)
	switch {
	case cert != "" && key != "" && ca != "":
		return Files(cert, key, ca), nil
	case cert != "" || key != "" || ca != "":
		return nil, errors.New(EnvCert + ", " + EnvKey + " and " + EnvCA + " belong together: set all three or none")
	}
	a, err := hostAuthority()
	if err != nil {
		return nil, err
	}
	return &issuer{authority: a, trust: trust{roots: a.roots, system: true}, clientAuth: tls.VerifyClientCertIfGiven}, nil
}

// hostAuthority is the authority of the user on this host. Without a place for it,
// it is that of the process, which nobody else believes.
func hostAuthority() (*Authority, error) {
	if dir := os.Getenv(EnvAuthority); dir != "" {
		return OpenAuthority(dir)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		logger.DefaultLogger.Logf(logger.WarnLevel,
			"pki: there is no place for certificates (%v): no other process will believe this one; set %s or %s", err, EnvAuthority, EnvCert)
		return process.authority()
	}
	return OpenAuthority(filepath.Join(config, "go-micro", "ca"))
}

// process holds the authority of the process.
var process processAuthority

type processAuthority struct {
	mu  sync.Mutex
	own *Authority
}

func (p *processAuthority) authority() (a *Authority, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own == nil {
		p.own, err = NewAuthority()
	}
	return p.own, err
}

// Insecure returns a source of self-signed certificates that verifies nobody: what
// is sent is encrypted, for whoever answers. It warns the log. Nothing but a test
// should need it.
func Insecure() mtls.Source {
	logger.DefaultLogger.Logf(logger.WarnLevel, "pki: TLS verifies nobody: certificates are self-signed, and any is accepted")
	return new(insecure)
}

type insecure struct {
	mu     sync.Mutex
	config *tls.Config
}

func (i *insecure) Server(e mtls.Endpoint) (*tls.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.config == nil {
		cert, err := mtls.Certificate(hosts(cmp.Or(e.Addr, ":0"))...)
		if err != nil {
			return nil, err
		}
		i.config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	return i.config, nil
}

func (i *insecure) Client(e mtls.Endpoint) (*tls.Config, error) {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, ServerName: host(e.Addr)}, nil //nolint:gosec // its name says so
}
