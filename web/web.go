// Package web makes an HTTP server a service: it registers, is found by name, and
// stops after the requests in flight.
//
//	service := web.NewService(web.Name("site"), web.Address(":8080"))
//	service.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) { … })
//	if err := service.Init(); err != nil {
//		log.Fatal(err)
//	}
//	if err := service.Run(); err != nil {
//		log.Fatal(err)
//	}
//
// The files of StaticDir are served at / unless something else is. Requests to
// other services go through Client, whose URLs name services in place of hosts.
//
// What clients can make a service hold is limited: see Options.Server for the head
// of a request and for idle connections, and Options.MaxConnections. So is what they
// can make it do for nothing: beyond a tenth of the processors' time new connections
// wait, and HTTP/2 connections on which requests are reset again and again are ended.
// How long a handler reads a body, and how much of it, is up to the handler
// (http.MaxBytesReader and http.ResponseController).
package web

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/drain"
)

// Service is a web service. Its methods may be called concurrently.
type Service interface {
	// Client returns a client that takes the host of a URL for the name of a
	// service: http://greeter/hello goes to a node of greeter.
	Client() *http.Client
	// Init applies options, and those of the command line and the environment.
	Init(opts ...Option) error
	// Options returns a copy of the options in force.
	Options() Options
	// Handle has a pattern of http.ServeMux answered by a handler, and registers
	// it as an endpoint. A pattern that is handled already panics.
	Handle(pattern string, handler http.Handler)
	// HandleFunc is Handle for a function.
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
	// Start listens, serves in the background and registers. It does nothing when
	// the service runs, and leaves nothing behind when it fails.
	Start() error
	// Stop deregisters and stops serving after the requests in flight. It does all
	// of that whatever fails, and nothing when the service does not run. The
	// service can be started again.
	Stop() error
	// Run starts the service, waits for a signal or the end of the context, and
	// stops it.
	Run() error
}

// Option sets a field of Options.
type Option func(o *Options)

// The defaults of services.
var (
	// DefaultName of a service.
	DefaultName = "go-web"
	// DefaultVersion of a service.
	DefaultVersion = "latest"
	// DefaultId of the node of a service; one for the process.
	DefaultId = uuid.New().String()
	// DefaultAddress to listen on: any free port.
	DefaultAddress = ":0"
	// DefaultRegisterTTL is how long a registration lasts.
	DefaultRegisterTTL = 90 * time.Second
	// DefaultRegisterInterval is how often a service registers again.
	DefaultRegisterInterval = 30 * time.Second
	// DefaultStaticDir is the folder whose files are served at /.
	DefaultStaticDir = "html"
	// DefaultRegisterCheck allows every registration.
	DefaultRegisterCheck = func(context.Context) error { return nil }
)

// NewService returns a service that is not started yet.
func NewService(opts ...Option) Service { return newService(opts) }

// Draining returns a channel that is closed when the service begins to stop, for
// handlers whose work lasts, such as those of WebSockets; ctx is the context of
// their request. It is nil, and so never ready, for requests of other servers.
func Draining(ctx context.Context) <-chan struct{} { return drain.Of(ctx) }
