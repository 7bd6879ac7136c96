package main

import "google.golang.org/protobuf/compiler/protogen"

func (g *generator) clientStreamStruct(service *protogen.Service, m *protogen.Method) string {
	return g.local(lowerFirst(clientName(service)) + m.GoName)
}

func (g *generator) serverStreamStruct(service *protogen.Service, m *protogen.Method) string {
	return g.local(lowerFirst(service.GoName) + m.GoName + "Stream")
}

// streamShape is what the two ends of a stream have in common: an interface,
// its implementation on a stream of the framework, and a direction each way.
type streamShape struct {
	iface, impl, stream string
	halfClose           bool   // the end has CloseSend
	send, recv          string // message types; empty when that way is closed
}

// clientStream writes the client's end of a streaming method.
func (g *generator) clientStream(service *protogen.Service, m *protogen.Method) {
	if !streams(m) {
		return
	}
	shape := streamShape{
		iface:     service.GoName + "_" + m.GoName + "Service",
		impl:      g.clientStreamStruct(service, m),
		stream:    g.clientStreamType(),
		halfClose: true,
	}
	if m.Desc.IsStreamingClient() {
		shape.send = g.message(m.Input)
	}
	if m.Desc.IsStreamingServer() {
		shape.recv = g.message(m.Output)
	}
	g.stream(shape)
}

// serverStream writes the server's end of a streaming method.
func (g *generator) serverStream(service *protogen.Service, m *protogen.Method) {
	if !streams(m) {
		return
	}
	shape := streamShape{
		iface:  service.GoName + "_" + m.GoName + "Stream",
		impl:   g.serverStreamStruct(service, m),
		stream: g.serverStreamType(),
	}
	if m.Desc.IsStreamingServer() {
		shape.send = g.message(m.Output)
	}
	if m.Desc.IsStreamingClient() {
		shape.recv = g.message(m.Input)
	}
	g.stream(shape)
}

func (g *generator) stream(s streamShape) {
	g.P("type ", s.iface, " interface {")
	g.P("Context() ", g.context())
	g.P("SendMsg(any) error")
	g.P("RecvMsg(any) error")
	if s.halfClose {
		g.P("CloseSend() error")
	}
	g.P("Close() error")
	if s.send != "" {
		g.P("Send(*", s.send, ") error")
	}
	if s.recv != "" {
		g.P("Recv() (*", s.recv, ", error)")
	}
	g.P("}")
	g.P()
	g.P("type ", s.impl, " struct {")
	g.P("stream ", s.stream)
	g.P("}")
	g.P()
	x, message := g.local("x"), g.local("m")
	receiver := "func (" + x + " *" + s.impl + ") "
	g.P(receiver, "Context() ", g.context(), " { return ", x, ".stream.Context() }")
	g.P(receiver, "SendMsg(", message, " any) error { return ", x, ".stream.Send(", message, ") }")
	g.P(receiver, "RecvMsg(", message, " any) error { return ", x, ".stream.Recv(", message, ") }")
	if s.halfClose {
		g.P(receiver, "CloseSend() error { return ", x, ".stream.CloseSend() }")
	}
	g.P(receiver, "Close() error { return ", x, ".stream.Close() }")
	if s.send != "" {
		g.P(receiver, "Send(", message, " *", s.send, ") error { return ", x, ".stream.Send(", message, ") }")
	}
	if s.recv != "" {
		g.P()
		g.P(receiver, "Recv() (*", s.recv, ", error) {")
		g.P(message, " := new(", s.recv, ")")
		g.P("if err := ", x, ".stream.Recv(", message, "); err != nil {")
		g.P("return nil, err")
		g.P("}")
		g.P("return ", message, ", nil")
		g.P("}")
	}
	g.P()
}
