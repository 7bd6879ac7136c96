package server

import "context"

// HandlerFunc serves a request: rsp is the reply to fill, or the Stream of a
// request that opened one.
type HandlerFunc func(ctx context.Context, req Request, rsp any) error

// SubscriberFunc receives a message.
type SubscriberFunc func(ctx context.Context, msg Message) error

// HandlerWrapper puts something around a HandlerFunc. It is called for each
// endpoint when that is added and whenever Init is, not once a request, and no
// lock is held. A result may go unused, when another change of the server came
// first; what a wrapper has to keep for longer belongs outside of it.
type HandlerWrapper func(HandlerFunc) HandlerFunc

// SubscriberWrapper puts something around a SubscriberFunc. It is called for each
// subscribed function as a HandlerWrapper is for each endpoint.
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
