package opentelemetry

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	microerrors "github.com/justcy/go-micro/v4/errors"
)

// system is the value of rpc.system.name and messaging.system.
const system = "go-micro"

// called is what client and server know of a request.
type called interface {
	Service() string
	Endpoint() string
}

// rpc starts the span of a request.
func (o *Options) rpc(ctx context.Context, kind trace.SpanKind, req called, more ...attribute.KeyValue) (context.Context, trace.Span) {
	attributes := append([]attribute.KeyValue{
		semconv.RPCSystemNameKey.String(system),
		semconv.RPCMethod(req.Service() + "/" + req.Endpoint()),
	}, more...)
	return start(ctx, o.TraceProvider, o.Propagator, req.Service()+"."+req.Endpoint(),
		trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// message starts the span of a message.
func (o *Options) message(ctx context.Context, kind trace.SpanKind, name, topic string, operation attribute.KeyValue) (context.Context, trace.Span) {
	return start(ctx, o.TraceProvider, o.Propagator, name+topic, trace.WithSpanKind(kind), trace.WithAttributes(
		semconv.MessagingSystemKey.String(system),
		semconv.MessagingDestinationName(topic),
		operation,
	))
}

// peer is the address of the other end, for attributes.
func peer(address string, host, port attribute.Key) []attribute.KeyValue {
	h, p, err := net.SplitHostPort(address)
	if err != nil {
		if address == "" {
			return nil
		}
		return []attribute.KeyValue{host.String(address)}
	}
	attributes := []attribute.KeyValue{host.String(h)}
	if n, err := strconv.Atoi(p); err == nil {
		attributes = append(attributes, port.Int(n))
	}
	return attributes
}

// end ends a span with the outcome of its work.
func end(span trace.Span, err error) {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(outcome(err)...)
	}
	span.End()
}

// outcome tells of an error by its code, or by its type.
func outcome(err error) []attribute.KeyValue {
	var own *microerrors.Error
	switch {
	case errors.As(err, &own) && own.GetCode() != 0:
		code := strconv.Itoa(int(own.GetCode()))
		return []attribute.KeyValue{semconv.ErrorTypeKey.String(code), semconv.RPCResponseStatusCode(code)}
	case errors.Is(err, context.DeadlineExceeded):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("timeout")}
	case errors.Is(err, context.Canceled):
		return []attribute.KeyValue{semconv.ErrorTypeKey.String("cancelled")}
	}
	return []attribute.KeyValue{semconv.ErrorType(err)}
}

// unlessEnd is nil for the end of a stream.
func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
