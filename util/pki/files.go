package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/justcy/go-micro/v4/logger"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 1 << 20

// Files returns a source of a certificate and its key, and of the authorities that
// vouch for others, all in files in PEM. Both ends of a connection have to show a
// certificate. One names its service by a DNS name, or by a SPIFFE ID
// (spiffe://domain/…/name) that ends with the name.
//
// The files are looked at for each connection, and read when they have changed: a
// certificate that is replaced is used from the next connection on. As long as what
// is there cannot be used, half of it perhaps, what was read before is, and the log
// is warned.
func Files(certFile, keyFile, caFile string) mtls.Source {
	f := &files{paths: [3]string{certFile, keyFile, caFile}}
	_, _ = f.current() // what is wrong is said when it is needed
	return f
}

type files struct {
	paths [3]string // certificate, key, authorities

	mu     sync.Mutex
	seen   [3]os.FileInfo // of what was read last, whether it could be used or not
	loaded *material      // nil until something could be used
	err    error          // why what is there cannot be used
}

// material is what the files say.
type material struct {
	trust       trust
	certificate tls.Certificate
	server      *tls.Config
}

func (f *files) Server(mtls.Endpoint) (*tls.Config, error) {
	m, err := f.current()
	if err != nil {
		return nil, err
	}
	return m.server, nil
}

func (f *files) Client(e mtls.Endpoint) (*tls.Config, error) {
	m, err := f.current()
	if err != nil {
		return nil, err
	}
	return m.trust.client(e, m.certificate), nil
}

// current returns what the files say, or said when it could be used last.
func (f *files) current() (*material, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := f.stat()
	if err == nil && f.unchanged(now) {
		err = f.err
	} else if err == nil {
		var fresh *material
		if fresh, err = f.load(); err == nil {
			f.loaded = fresh
		} else if f.loaded != nil {
			logger.DefaultLogger.Logf(logger.WarnLevel, "pki: the certificate in use stays: %v", err)
		}
		f.seen, f.err = now, err
	}
	if f.loaded != nil {
		return f.loaded, nil
	}
	return nil, err
}

func (f *files) stat() (infos [3]os.FileInfo, err error) {
	for i, path := range f.paths {
		if infos[i], err = os.Stat(path); err != nil {
			return infos, fmt.Errorf("read certificates: %w", err)
		}
	}
	return infos, nil
}

func (f *files) unchanged(now [3]os.FileInfo) bool {
	for i, old := range f.seen {
		if old == nil || !os.SameFile(old, now[i]) || !old.ModTime().Equal(now[i].ModTime()) || old.Size() != now[i].Size() {
			return false
		}
	}
	return true
}

func (f *files) load() (*material, error) {
	var contents [3][]byte
	for i, path := range f.paths {
		var err error
		if contents[i], err = readFile(path); err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
	}
	certificate, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.paths[0], f.paths[1], err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(contents[2]) {
		return nil, fmt.Errorf("authorities %s: there is no certificate in it", f.paths[2])
	}
	m := &material{trust: trust{roots: roots}, certificate: certificate}
	m.server = m.trust.server(tls.RequireAndVerifyClientCert, certificate)
	return m, nil
}

// readFile reads a file of at most maxFile bytes.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = errors.New("it is larger than any certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
