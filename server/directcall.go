package server

import (
	"context"
	"reflect"
	"unsafe"
)

// A directFunc is a method of the form func(context.Context, *Req, *Rsp) error
// with its receiver in front, whatever the types behind the pointers. Calling
// it costs what a call costs, where reflect.Value.Call takes longer than many
// handlers do.
type directFunc func(receiver unsafe.Pointer, ctx context.Context, req, rsp unsafe.Pointer) error

// direct returns fn as a directFunc, or nil if it has not that form. All
// pointers are passed alike, so a function that takes *Req can be called as
// one that takes an unsafe.Pointer; the callers check the types first.
func direct(fn reflect.Value) directFunc {
	t := fn.Type()
	if t.NumIn() != 4 || t.In(1) != contextType || t.NumOut() != 1 || t.Out(0) != errorType || t.IsVariadic() {
		return nil
	}
	for _, i := range []int{0, 2, 3} {
		if t.In(i).Kind() != reflect.Pointer {
			return nil
		}
	}
	p := reflect.New(t)
	p.Elem().Set(fn)
	return *(*directFunc)(p.UnsafePointer())
}

// A directStreamFunc is a method of the form func(context.Context, Stream)
// error. Without reflection a goroutine that waits in the handler of a stream
// needs half the stack.
type directStreamFunc func(receiver unsafe.Pointer, ctx context.Context, s Stream) error

// directStream returns fn as a directStreamFunc, or nil if it has not that form.
func directStream(fn reflect.Value) directStreamFunc {
	t := fn.Type()
	if t.NumIn() != 3 || t.In(0).Kind() != reflect.Pointer || t.In(1) != contextType || t.In(2) != streamType ||
		t.NumOut() != 1 || t.Out(0) != errorType {
		return nil
	}
	p := reflect.New(t)
	p.Elem().Set(fn)
	return *(*directStreamFunc)(p.UnsafePointer())
}

// callStream calls the handler of a stream, without reflection if it can.
func (m *method) callStream(ctx context.Context, stream any) error {
	if s, ok := stream.(Stream); ok && m.onStream != nil {
		return m.onStream(m.receiver.UnsafePointer(), ctx, s)
	}
	return m.call(ctx, stream)
}

// callDirect calls the method without reflection. It is not ok when the method
// has another form, or a wrapper replaced a value by one of another type.
func (m *method) callDirect(ctx context.Context, req, rsp any) (ok bool, err error) {
	if m.direct == nil {
		return false, nil
	}
	in, out := reflect.ValueOf(req), reflect.ValueOf(rsp)
	if !in.IsValid() || !out.IsValid() || in.Type() != m.request.typ || out.Type() != m.reply {
		return false, nil
	}
	return true, m.direct(m.receiver.UnsafePointer(), ctx, in.UnsafePointer(), out.UnsafePointer())
}
