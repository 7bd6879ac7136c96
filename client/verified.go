package client

import (
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
	unet "github.com/justcy/go-micro/v4/util/net"
)

// verified is the address by which a node is dialled: with a transport that can
// verify who answers, one that names the service.
func (s *settings) verified(req Request, node *registry.Node) string {
	v, ok := s.opts.Transport.(transport.ServiceVerifier)
	if !ok {
		return node.Address
	}
	service := req.Service()
	if addr := v.ServiceAddr(service, node.Address); addr == node.Address {
		return addr
	}
	service, _, _ = unet.Proxy(service, nil) // which is who answers then
	return v.ServiceAddr(service, node.Address)
}
