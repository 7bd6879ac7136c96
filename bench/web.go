package main

import (
	"errors"
	"net"
	"net/http"
)

// A webServer is an HTTP server on a loopback port and a client for it, which
// keeps a connection for each caller.
type webServer struct {
	server *http.Server
	client *http.Client
	url    string
	served chan error
}

func startWeb(s setup, h http.Handler, http2 bool) (*webServer, error) {
	protocols, scheme, next := new(http.Protocols), "http://", []string{"http/1.1"}
	switch {
	case s.tls != nil:
		protocols.SetHTTP2(http2)
		scheme = "https://"
		if http2 {
			next = []string{"h2"}
		}
	case http2:
		protocols.SetUnencryptedHTTP2(true)
	}
	protocols.SetHTTP1(!http2)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &webServer{
		server: &http.Server{Handler: h, Protocols: protocols},
		url:    scheme + l.Addr().String(),
		served: make(chan error, 1),
	}
	web := &http.Transport{Protocols: protocols, MaxIdleConns: s.callers, MaxIdleConnsPerHost: s.callers}
	serve := func() error { return w.server.Serve(l) }
	if s.tls != nil {
		web.TLSClientConfig = s.tls.client.Clone()
		w.server.TLSConfig = s.tls.server.Clone()
		w.server.TLSConfig.NextProtos = next
		serve = func() error { return w.server.ServeTLS(l, "", "") }
	}
	w.client = &http.Client{Transport: web}
	go func() { w.served <- serve() }()
	return w, nil
}

func (w *webServer) close() error {
	w.client.CloseIdleConnections()
	err := w.server.Close()
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
