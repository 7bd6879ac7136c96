package http

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/logger"
)

// checkInterval is how often the files of a certificate are looked at.
const checkInterval = 10 * time.Second

// tlsConfig is the configuration of TLS that the options ask for, nil for none.
func tlsConfig(o server.Options) (*tls.Config, error) {
	if !o.EnableTLS || o.TLSConfig == nil && o.CertFile == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLSConfig != nil {
		config = o.TLSConfig.Clone()
	}
	if o.CertFile != "" {
		f := &certificate{cert: o.CertFile, key: o.KeyFile, log: logger.LoggerOrDefault(o.Logger)}
		if err := f.load(); err != nil {
			return nil, err
		}
		config.GetCertificate = f.get
	}
	return config, nil
}

// certificate is a certificate in files.
type certificate struct {
	cert, key string
	log       logger.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   [2]time.Time // of the files when they were loaded
	checked time.Time
}

// load reads the files.
func (c *certificate) load() error {
	stamp := c.stamps()
	loaded, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.cert, c.key, err)
	}
	c.loaded, c.stamp, c.checked = &loaded, stamp, time.Now()
	return nil
}

func (c *certificate) stamps() (stamp [2]time.Time) {
	for i, name := range []string{c.cert, c.key} {
		if info, err := os.Stat(name); err == nil {
			stamp[i] = info.ModTime()
		}
	}
	return stamp
}

// get returns the certificate, a new one when the files have changed. Files that
// cannot be read leave it as it was.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < checkInterval {
		return c.loaded, nil
	}
	c.checked = time.Now()
	if c.stamps() != c.stamp {
		if err := c.load(); err != nil {
			c.log.Logf(logger.ErrorLevel, "gateway: %v", err)
		}
	}
	return c.loaded, nil
}
