package registry_test

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/registry/registrytest"
)

// ownDomain keeps a test apart from everything else on the network.
func ownDomain() string { return "t" + strings.ToLower(rand.Text()[:10]) }

// newMDNS returns a registry in the given domain that is closed with the test.
func newMDNS(t testing.TB, domain string, opts ...registry.Option) registry.Registry {
	t.Helper()
	inDomain := func(o *registry.Options) {
		o.Context = context.WithValue(context.Background(), "mdns.domain", domain)
	}
	r := registry.NewRegistry(append([]registry.Option{inDomain}, opts...)...)
	t.Cleanup(func() {
		if err := r.(io.Closer).Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func TestMDNSConformance(t *testing.T) {
	registrytest.Run(t, registrytest.Harness{
		New: func(t testing.TB) (first, second registry.Registry) {
			domain := ownDomain()
			return newMDNS(t, domain), newMDNS(t, domain)
		},
		Settle:            10 * time.Millisecond,
		NoNotFound:        true,
		NoListFull:        true,
		NoServiceMetadata: true,
		NoTTL:             true, // what is registered lives until the process ends
	})
}
