package cmd

import (
	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/client"
)

// Defaults of flags that are written out in --help. They never override what
// the code set: see settings.
const (
	defaultRegisterTTL      = 60 // seconds
	defaultRegisterInterval = 30 // seconds
	defaultNamespace        = "go.micro"
	defaultRuntimeSource    = "github.com/micro/services"
)

// DefaultFlags are the flags of every service. Each can also be given as an
// environment variable.
var DefaultFlags = []cli.Flag{
	text("client", "MICRO_CLIENT", "Client for go-micro; mucp"),
	text("client_request_timeout", "MICRO_CLIENT_REQUEST_TIMEOUT", "Request timeout of the client, for example 500ms, 5s or 1m"),
	number("client_retries", "MICRO_CLIENT_RETRIES", client.DefaultRetries, "How often the client retries a call"),
	number("client_pool_size", "MICRO_CLIENT_POOL_SIZE", 0, "How many idle connections the client keeps for an address"),
	text("client_pool_ttl", "MICRO_CLIENT_POOL_TTL", "How long the client keeps a connection, for example 500ms, 5s or 1m"),
	number("register_ttl", "MICRO_REGISTER_TTL", defaultRegisterTTL, "Seconds a registration lasts"),
	number("register_interval", "MICRO_REGISTER_INTERVAL", defaultRegisterInterval, "Seconds between registrations"),
	text("server", "MICRO_SERVER", "Server for go-micro; mucp"),
	text("server_name", "MICRO_SERVER_NAME", "Name of the service, for example go.micro.srv.example"),
	text("server_version", "MICRO_SERVER_VERSION", "Version of the service, for example 1.1.0"),
	text("server_id", "MICRO_SERVER_ID", "Id of the service's node"),
	text("server_address", "MICRO_SERVER_ADDRESS", "Address to listen on, for example 127.0.0.1:8080 or :8000-8100"),
	text("server_advertise", "MICRO_SERVER_ADVERTISE", "Address to register instead of the one listened on"),
	&cli.StringSliceFlag{Name: "server_metadata", EnvVars: []string{"MICRO_SERVER_METADATA"}, Usage: "Metadata of the service's node, as key=value, for example version=1.0.0"},
	text("broker", "MICRO_BROKER", "Broker for messages; http, memory"),
	text("broker_address", "MICRO_BROKER_ADDRESS", "Comma separated addresses of the broker"),
	text("profile", "MICRO_DEBUG_PROFILE", "Profile to take while running; http, pprof"),
	text("registry", "MICRO_REGISTRY", "Registry for discovery; mdns, memory"),
	text("registry_address", "MICRO_REGISTRY_ADDRESS", "Comma separated addresses of the registry"),
	text("runtime", "MICRO_RUNTIME", "Runtime for services; local"),
	&cli.StringFlag{Name: "runtime_source", EnvVars: []string{"MICRO_RUNTIME_SOURCE"}, Value: defaultRuntimeSource, Usage: "Source of the services that the runtime builds"},
	text("selector", "MICRO_SELECTOR", "Selector of the nodes that are called; registry"),
	text("store", "MICRO_STORE", "Store for records; memory, noop"),
	text("store_address", "MICRO_STORE_ADDRESS", "Comma separated addresses of the store"),
	text("store_database", "MICRO_STORE_DATABASE", "Database of the store"),
	text("store_table", "MICRO_STORE_TABLE", "Table of the store"),
	text("transport", "MICRO_TRANSPORT", "Transport for calls; http, memory"),
	text("transport_address", "MICRO_TRANSPORT_ADDRESS", "Comma separated addresses of the transport"),
	text("tracer", "MICRO_TRACER", "Tracer of calls"),
	text("tracer_address", "MICRO_TRACER_ADDRESS", "Comma separated addresses of the tracer"),
	text("auth", "MICRO_AUTH", "Auth for accounts and tokens; noop"),
	text("auth_id", "MICRO_AUTH_ID", "Account of the service"),
	text("auth_secret", "MICRO_AUTH_SECRET", "Secret of that account"),
	&cli.StringFlag{Name: "auth_namespace", EnvVars: []string{"MICRO_AUTH_NAMESPACE"}, Value: defaultNamespace, Usage: "Namespace of the service's account"},
	text("auth_public_key", "MICRO_AUTH_PUBLIC_KEY", "Public key that verifies tokens, base64 of its PEM form"),
	text("auth_private_key", "MICRO_AUTH_PRIVATE_KEY", "Private key that signs tokens, base64 of its PEM form"),
	text("config", "MICRO_CONFIG", "Configuration of the service"),
}

func text(name, env, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, EnvVars: []string{env}, Usage: usage}
}

func number(name, env string, value int, usage string) cli.Flag {
	return &cli.IntFlag{Name: name, EnvVars: []string{env}, Value: value, Usage: usage}
}
