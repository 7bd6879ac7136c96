package server

import (
	"context"
	"fmt"
	"go/token"
	"reflect"

	"github.com/justcy/go-micro/v4/logger"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	streamType  = reflect.TypeFor[Stream]()
	ownStream   = reflect.TypeFor[*rpcStream]()
)

// A parameter is the type of a request or message: what to make, and how to
// hand it over.
type parameter struct {
	typ reflect.Type
}

// make returns a pointer to decode into, and a function's view of what it
// points to: that pointer, or the value when the function takes a value.
func (p parameter) make() (target any, view func() any) {
	if p.typ.Kind() == reflect.Pointer {
		target = reflect.New(p.typ.Elem()).Interface()
		return target, nil
	}
	v := reflect.New(p.typ)
	return v.Interface(), func() any { return v.Elem().Interface() }
}

// A method is one endpoint of a handler.
type method struct {
	name     string        // Type.Method
	fn       reflect.Value // bound to the handler
	stream   bool
	request  parameter
	reply    reflect.Type // of a unary method, a pointer
	unary    *typedUnary  // what is called instead of fn, or nil
	onStream typedStream  // likewise, of a stream
	pace     *pace
}

// methodsOf returns the suitable methods of a handler. Those that are not, and
// why, are logged.
func methodsOf(name string, handler any, log logger.Logger) []*method {
	var methods []*method
	t := reflect.TypeOf(handler)
	for i := range t.NumMethod() {
		m := t.Method(i)
		made, err := newMethod(name+"."+m.Name, reflect.ValueOf(handler).Method(i))
		if err != nil {
			logger.LoggerOrDefault(log).Logf(logger.ErrorLevel, "server: method %s.%s cannot be called: %v", name, m.Name, err)
			continue
		}
		methods = append(methods, made)
	}
	return methods
}

func newMethod(name string, fn reflect.Value) (*method, error) {
	made := &method{name: name, fn: fn, pace: newPace()}
	t := fn.Type()
	if t.NumIn() < 1 || t.In(0) != contextType {
		return nil, fmt.Errorf("%s does not take a context.Context first", t)
	}
	if t.NumOut() != 1 || t.Out(0) != errorType {
		return nil, fmt.Errorf("%s does not return exactly an error", t)
	}
	switch t.NumIn() {
	case 2:
		return made, made.takeStream(t.In(1))
	case 3:
		return made, made.takeUnary(t.In(1), t.In(2))
	}
	return nil, fmt.Errorf("%s has %d parameters; want a context with a stream, or with request and reply", t, t.NumIn())
}

func (m *method) takeStream(stream reflect.Type) error {
	if !stream.Implements(streamType) || !ownStream.AssignableTo(stream) {
		return fmt.Errorf("%s is not a server.Stream", stream)
	}
	m.stream = true
	m.onStream, _ = m.fn.Interface().(func(context.Context, Stream) error)
	return nil
}

func (m *method) takeUnary(request, reply reflect.Type) error {
	switch {
	case !exportedOrBuiltin(request):
		return fmt.Errorf("the request type %s is not exported", request)
	case reply.Kind() != reflect.Pointer:
		return fmt.Errorf("the reply type %s is not a pointer", reply)
	case !exportedOrBuiltin(reply):
		return fmt.Errorf("the reply type %s is not exported", reply)
	}
	m.request = parameter{typ: request}
	m.reply = reply
	return nil
}

// serve is the HandlerFunc inside all wrappers. Wrappers may have replaced the
// request and the reply.
func (m *method) serve(ctx context.Context, req Request, rsp any) (err error) {
	defer recoverInto(&err)
	if m.stream {
		if own, ok := rsp.(*rpcStream); ok {
			own.mu.Lock()
			own.ctx = ctx // in which wrappers may have put something
			own.mu.Unlock()
		}
		if s, ok := rsp.(Stream); ok && m.onStream != nil {
			return m.onStream(ctx, s)
		}
		return m.call(ctx, rsp)
	}
	body := req.Body()
	if m.unary != nil {
		if ok, err := m.unary.call(ctx, body, rsp); ok {
			return err
		}
	}
	return m.call(ctx, body, rsp)
}

// makeUnary returns a request to decode into, what the method takes of it (see
// parameter), and a reply.
func (m *method) makeUnary() (req any, view func() any, rsp any) {
	if m.unary != nil {
		req, rsp = m.unary.make()
		return req, nil, rsp
	}
	req, view = m.request.make()
	return req, view, reflect.New(m.reply.Elem()).Interface()
}

// call calls the method with a context and the values after it. Wrappers
// decide about the values, so their types are not certain.
func (m *method) call(ctx context.Context, values ...any) error {
	args := [3]reflect.Value{reflect.ValueOf(&ctx).Elem()}
	for i, v := range values {
		arg, want := reflect.ValueOf(v), m.fn.Type().In(i+1)
		if v == nil && want.Kind() == reflect.Interface {
			arg = reflect.Zero(want)
		}
		if !arg.IsValid() || !arg.Type().AssignableTo(want) {
			return fmt.Errorf("a handler wrapper of %s passed a %T; want %s", m.name, v, want)
		}
		args[i+1] = arg
	}
	out := m.fn.Call(args[:1+len(values)])
	err, _ := out[0].Interface().(error)
	return err
}

// exportedOrBuiltin reports whether other packages can name the type, or the
// type it points to.
func exportedOrBuiltin(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "" || token.IsExported(t.Name())
}
