package main

import (
	"errors"
	"net"
	"net/http"
)

// serveWeb starts an HTTP server on a loopback port. Its address is its URL.
func serveWeb(s setup, h http.Handler, http2 bool) (*endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: h, Protocols: s.protocols(http2)}
	url, serve := "http://", func() error { return server.Serve(l) }
	if s.tls != nil {
		server.TLSConfig = s.tls.server.Clone()
		server.TLSConfig.NextProtos = []string{"http/1.1"}
		if http2 {
			server.TLSConfig.NextProtos = []string{"h2"}
		}
		url, serve = "https://", func() error { return server.ServeTLS(l, "", "") }
	}
	served := make(chan error, 1)
	go func() { served <- serve() }()
	return &endpoint{url + l.Addr().String(), func() error {
		err := server.Close()
		if reason := <-served; !errors.Is(reason, http.ErrServerClosed) {
			err = errors.Join(err, reason)
		}
		return err
	}}, nil
}

// newWebClient makes an HTTP client, which keeps a connection for each caller.
func newWebClient(s setup, http2 bool) *http.Client {
	web := &http.Transport{Protocols: s.protocols(http2), MaxIdleConns: s.callers, MaxIdleConnsPerHost: s.callers}
	if s.tls != nil {
		web.TLSClientConfig = s.tls.client.Clone()
	}
	return &http.Client{Transport: web}
}

// protocols is HTTP/1.1, or HTTP/2 with TLS or without.
func (s setup) protocols(http2 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	if s.tls != nil {
		p.SetHTTP2(http2)
	} else {
		p.SetUnencryptedHTTP2(http2)
	}
	return p
}
