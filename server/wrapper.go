package server

import "context"

// HandlerFunc serves a request: rsp is the reply to fill, or the Stream of a
// request that opened one.
type HandlerFunc func(ctx context.Context, req Request, rsp any) error

// SubscriberFunc receives a message.
type SubscriberFunc func(ctx context.Context, msg Message) error

// HandlerWrapper puts something around a HandlerFunc. It is called once for
// each endpoint, when the endpoint or the wrapper is added, not once a request.
type HandlerWrapper func(HandlerFunc) HandlerFunc

// SubscriberWrapper puts something around a SubscriberFunc. It is called once
// for each subscribed function, not once a message.
type SubscriberWrapper func(SubscriberFunc) SubscriberFunc

// StreamWrapper puts something around a Stream.
type StreamWrapper func(Stream) Stream

// wrapHandler applies wrappers; the first is the outermost.
func wrapHandler(fn HandlerFunc, wrappers []HandlerWrapper) HandlerFunc {
	for i := len(wrappers) - 1; i >= 0; i-- {
		fn = wrappers[i](fn)
	}
	return fn
}

// wrapSubscriber applies wrappers; the first is the outermost.
func wrapSubscriber(fn SubscriberFunc, wrappers []SubscriberWrapper) SubscriberFunc {
	for i := len(wrappers) - 1; i >= 0; i-- {
		fn = wrappers[i](fn)
	}
	return fn
}
