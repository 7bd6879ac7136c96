package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

// serviceAccountPath is where a pod finds what it acts as.
const serviceAccountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// NewLocalClient returns a client of the server at a URL, which is
// http://localhost:8001 unless it is given: that of "kubectl proxy".
func NewLocalClient(hosts ...string) *client {
	host := "http://localhost:8001"
	if len(hosts) > 0 && hosts[0] != "" {
		host = strings.TrimSuffix(hosts[0], "/")
	}
	return &client{opts: &api.Options{Client: http.DefaultClient, Host: host, Namespace: DefaultNamespace}}
}

// NewClusterClient returns a client of the cluster that this process runs in. It
// acts as the service account of the pod, whose token is read as it is renewed.
// Outside of a cluster every call fails.
func NewClusterClient() *client {
	return newClusterClient(serviceAccountPath)
}

func newClusterClient(account string) *client {
	if info, err := os.Stat(account); err != nil || !info.IsDir() {
		return &client{err: fmt.Errorf("service account not found: %s is not a folder; does this run in a cluster?", account)}
	}
	pool, err := CertPoolFromFile(filepath.Join(account, "ca.crt"))
	if err != nil {
		return &client{err: fmt.Errorf("service account: %w", err)}
	}
	host := net.JoinHostPort(strings.Trim(os.Getenv("KUBERNETES_SERVICE_HOST"), "[]"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return &client{opts: &api.Options{
		Host: "https://" + host, Namespace: DefaultNamespace,
		Client: &http.Client{Transport: &tokenTransport{
			file: filepath.Join(account, "token"), host: host,
			next: &http.Transport{
				TLSClientConfig:    &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
				DisableCompression: true, ForceAttemptHTTP2: true,
				// Without the pings a watch would not notice that the server is gone.
				HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
				TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
				DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			},
		}},
	}}
}

// tokenTransport authorises each request to a host with the token that a file has at
// the time. Where else the server may redirect to does not get it.
type tokenTransport struct {
	file, host string
	next       http.RoundTripper
}

func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host || r.URL.Scheme != "https" {
		return t.next.RoundTrip(r)
	}
	token, err := os.ReadFile(t.file)
	if err == nil && len(strings.TrimSpace(string(token))) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("the token of the service account: %w", err)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return t.next.RoundTrip(r)
}
