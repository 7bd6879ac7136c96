package runtime

import (
	"context"
	"io"
)

// CreateOptions say how a service is run.
type CreateOptions struct {
	// Command is the executable and its leading arguments. When it is empty the
	// local runtime runs the Go program in the source, as "go run ." does.
	Command []string
	// Args follow the command.
	Args []string
	// Env is added to the environment, as NAME=value.
	Env []string
	// Output receives what the service writes, beside its log; nil for none. Lines
	// arrive whole, one Write after the other; while one blocks, the service waits.
	Output io.Writer
	// Type of the service.
	Type string
	// Retries is how many times in a row a service may fail and be started again.
	Retries int
	// Image the service runs in, for runtimes with containers.
	Image string
	// Namespace of the service; "default" when empty.
	Namespace string
	// Context bounds the call; nil for none.
	Context context.Context
}

// CreateOption changes CreateOptions.
type CreateOption func(o *CreateOptions)

// CreateType sets the type of the service.
func CreateType(t string) CreateOption {
	return func(o *CreateOptions) { o.Type = t }
}

// CreateImage sets the image the service runs in.
func CreateImage(img string) CreateOption {
	return func(o *CreateOptions) { o.Image = img }
}

// CreateNamespace sets the namespace of the service.
func CreateNamespace(ns string) CreateOption {
	return func(o *CreateOptions) { o.Namespace = ns }
}

// CreateContext sets the context of a Create.
func CreateContext(ctx context.Context) CreateOption {
	return func(o *CreateOptions) { o.Context = ctx }
}

// WithCommand sets the executable and its leading arguments.
func WithCommand(cmd ...string) CreateOption {
	return func(o *CreateOptions) { o.Command = cmd }
}

// WithArgs sets the arguments that follow the command.
func WithArgs(args ...string) CreateOption {
	return func(o *CreateOptions) { o.Args = args }
}

// WithRetries sets how often a failed service is started again.
func WithRetries(retries int) CreateOption {
	return func(o *CreateOptions) { o.Retries = retries }
}

// WithEnv sets what is added to the environment, as NAME=value.
func WithEnv(env []string) CreateOption {
	return func(o *CreateOptions) { o.Env = env }
}

// WithOutput sets what receives the output of the service, beside its log.
func WithOutput(out io.Writer) CreateOption {
	return func(o *CreateOptions) { o.Output = out }
}

// ReadOptions select services.
type ReadOptions struct {
	// Service is the name of the service; empty for any.
	Service string
	// Version of the service; empty for any.
	Version string
	// Type of the service; empty for any.
	Type string
	// Namespace of the services; "default" when empty.
	Namespace string
	// Context bounds the call; nil for none.
	Context context.Context
}

// ReadOption changes ReadOptions.
type ReadOption func(o *ReadOptions)

// ReadService selects services by name.
func ReadService(service string) ReadOption {
	return func(o *ReadOptions) { o.Service = service }
}

// ReadVersion selects services by version.
func ReadVersion(version string) ReadOption {
	return func(o *ReadOptions) { o.Version = version }
}

// ReadType selects services by type.
func ReadType(t string) ReadOption {
	return func(o *ReadOptions) { o.Type = t }
}

// ReadNamespace sets the namespace to read from.
func ReadNamespace(ns string) ReadOption {
	return func(o *ReadOptions) { o.Namespace = ns }
}

// ReadContext sets the context of a Read.
func ReadContext(ctx context.Context) ReadOption {
	return func(o *ReadOptions) { o.Context = ctx }
}

// UpdateOptions say which service is meant.
type UpdateOptions struct {
	// Image the service runs in from now on, for runtimes with containers; empty
	// keeps it.
	Image string
	// Env replaces what is added to the environment, as NAME=value; nil keeps it.
	// On a cluster what it does not name stays.
	Env []string
	// Namespace of the service; "default" when empty.
	Namespace string
	// Context bounds the call; nil for none.
	Context context.Context
}

// UpdateOption changes UpdateOptions.
type UpdateOption func(o *UpdateOptions)

// UpdateNamespace sets the namespace of the service.
func UpdateNamespace(ns string) UpdateOption {
	return func(o *UpdateOptions) { o.Namespace = ns }
}

// UpdateContext sets the context of an Update.
func UpdateContext(ctx context.Context) UpdateOption {
	return func(o *UpdateOptions) { o.Context = ctx }
}

// UpdateImage sets the image the service runs in from now on.
func UpdateImage(img string) UpdateOption {
	return func(o *UpdateOptions) { o.Image = img }
}

// UpdateEnv replaces what is added to the environment, as NAME=value.
func UpdateEnv(env []string) UpdateOption {
	return func(o *UpdateOptions) { o.Env = env }
}

// DeleteOptions say which service is meant.
type DeleteOptions struct {
	// Namespace of the service; "default" when empty.
	Namespace string
	// Context bounds the call; nil for none.
	Context context.Context
}

// DeleteOption changes DeleteOptions.
type DeleteOption func(o *DeleteOptions)

// DeleteNamespace sets the namespace of the service.
func DeleteNamespace(ns string) DeleteOption {
	return func(o *DeleteOptions) { o.Namespace = ns }
}

// DeleteContext sets the context of a Delete.
func DeleteContext(ctx context.Context) DeleteOption {
	return func(o *DeleteOptions) { o.Context = ctx }
}

// LogsOptions select log records.
type LogsOptions struct {
	// Count is how many of the last lines to return.
	Count int64
	// Stream follows the log until the stream is stopped.
	Stream bool
	// Namespace of the service; "default" when empty.
	Namespace string
	// Context ends the stream when it is done; nil for none.
	Context context.Context
}

// LogsOption changes LogsOptions.
type LogsOption func(o *LogsOptions)

// LogsCount sets how many of the last lines to return.
func LogsCount(count int64) LogsOption {
	return func(o *LogsOptions) { o.Count = count }
}

// LogsStream sets whether to follow the log.
func LogsStream(stream bool) LogsOption {
	return func(o *LogsOptions) { o.Stream = stream }
}

// LogsNamespace sets the namespace of the service.
func LogsNamespace(ns string) LogsOption {
	return func(o *LogsOptions) { o.Namespace = ns }
}

// LogsContext sets the context that ends the stream.
func LogsContext(ctx context.Context) LogsOption {
	return func(o *LogsOptions) { o.Context = ctx }
}
