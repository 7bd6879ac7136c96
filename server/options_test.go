package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestAServerWithoutOptionsHasTheDefaults(t *testing.T) {
	o := server.NewOptions(nil)
	if o.Name != "go.micro.server" || o.Address != ":0" || o.Version != "latest" || o.Id != server.DefaultId || len(o.Id) != 36 {
		t.Errorf("names %+v", o)
	}
	if o.RegisterInterval != 30*time.Second || o.RegisterTTL != 90*time.Second || o.RegisterCheck(context.Background()) != nil {
		t.Errorf("registration %+v", o)
	}
	if o.Broker == nil || o.Registry == nil || o.Transport == nil || o.Logger == nil || o.Context == nil || o.Router != nil {
		t.Errorf("parts %+v", o)
	}
	if d := server.DefaultOptions(); d.Name != o.Name {
		t.Errorf("default options %+v", d)
	}
	if server.DefaultContentType != "application/protobuf" || len(server.DefaultCodecs) != 8 || server.String() != "mucp" {
		t.Error("defaults of the package")
	}
}

func TestOptionsAreCopies(t *testing.T) {
	s := newServer(t)
	o := s.Options()
	server.Codec("a/b", nil)(&o)
	o.Name = "changed"
	if got := s.Options(); got.Name != "test" || len(got.Codecs) != 0 {
		t.Errorf("options %+v", got)
	}
}

// upper is a codec that writes bytes in upper case.
type upper struct{ rwc io.ReadWriteCloser }

func (u upper) ReadHeader(*codec.Message, codec.MessageType) error { return nil }
func (u upper) ReadBody(v any) error {
	b, err := io.ReadAll(u.rwc)
	v.(*Text).Text = string(b)
	return err
}
func (u upper) Write(_ *codec.Message, v any) error {
	if v == nil {
		return nil
	}
	_, err := u.rwc.Write(bytes.ToUpper([]byte(v.(*Text).Text)))
	return err
}
func (u upper) Close() error   { return nil }
func (u upper) String() string { return "upper" }

func TestACodecServesItsContentType(t *testing.T) {
	p := serve(t, newEcho(), server.Codec("text/upper", func(rwc io.ReadWriteCloser) codec.Codec { return upper{rwc} }))
	for range 3 {
		p.wantBody(p.call(jsonHeader("Echo.Call", "1", "Content-Type", "text/upper"), "abc"), "ABC")
	}
}

func TestRequestsWithoutAContentTypeAreProtobuf(t *testing.T) {
	p := serve(t, new(Golden))
	h := jsonHeader("Golden.Good", "1")
	delete(h, "Content-Type")
	m := p.call(h, protoBody("x"))
	p.wantBody(m, strings.TrimSpace(protoBody("re:x")))
	if ct := value(m, "Content-Type"); ct != "application/protobuf" {
		t.Errorf("content type %q", ct)
	}
}

func TestTLSConfigMakesTheTransportSecure(t *testing.T) {
	tr := transport.NewHTTPTransport()
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	o := server.NewOptions(server.Transport(tr), server.TLSConfig(config))
	if o.TLSConfig != config || !tr.Options().Secure || tr.Options().TLSConfig == nil {
		t.Errorf("options %+v, transport %+v", o.TLSConfig, tr.Options())
	}
}

func TestAWaitGroupAlsoCountsInThatOfTheCaller(t *testing.T) {
	var other sync.WaitGroup
	w := server.NewWaitGroup(&other)
	w.Add(2)
	w.Done()
	w.Done()
	w.Wait()
	other.Wait()
	alone := server.NewWaitGroup(nil)
	alone.Add(1)
	alone.Done()
	alone.Wait()
}

// A logger given to Init also gets what the server's own router has to say.
func TestLoggerOfInitReachesTheRouter(t *testing.T) {
	var before, after bytes.Buffer
	log := func(b *bytes.Buffer) server.Option {
		return server.WithLogger(logger.NewLogger(logger.WithOutput(b)))
	}
	s := newServer(t, log(&before))
	if err := s.Init(log(&after)); err != nil {
		t.Fatal(err)
	}
	handle(t, s, new(Partly))
	if before.Len() > 0 || !strings.Contains(after.String(), "Partly.Method cannot be called") {
		t.Errorf("the former logger gets %q, the one in force %q", before.String(), after.String())
	}
}

// Partly has a method that is no endpoint.
type Partly struct{ Careless }

func (Partly) Method() {}
