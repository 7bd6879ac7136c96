// Package mdns publishes and finds services with multicast DNS, record by record.
//
// The default registry does all this by itself and far more cheaply for many
// nodes; use this package to publish records of your own or to find services
// that are not registered with the framework:
//
//	service, err := mdns.NewMDNSService("printer1", "_ipp._tcp", "local.", "", 631, nil, []string{"paper=A4"})
//	server, err := mdns.NewServer(&mdns.Config{Zone: service})
//	defer server.Shutdown()
//
//	found := make(chan *mdns.ServiceEntry, 8)
//	err = mdns.Lookup("_ipp._tcp", found)
//
// Servers share port 5353 with each other and with all other software of the
// machine that speaks multicast DNS.
package mdns
