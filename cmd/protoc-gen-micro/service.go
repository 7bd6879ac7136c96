package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
)

// service writes the client and the handler of one service.
func (g *generator) service(service *protogen.Service) {
	g.endpoints(service)
	g.clientInterface(service)
	g.clientStruct(service)
	for _, m := range service.Methods {
		g.clientMethod(service, m)
		g.clientStream(service, m)
	}
	g.handlerInterface(service)
	g.register(service)
	for _, m := range service.Methods {
		g.handlerMethod(service, m)
		g.serverStream(service, m)
	}
}

func serviceDeprecated(s *protogen.Service) bool {
	return s.Desc.Options().(*descriptorpb.ServiceOptions).GetDeprecated()
}

func methodDeprecated(m *protogen.Method) bool {
	return m.Desc.Options().(*descriptorpb.MethodOptions).GetDeprecated()
}

// endpointName is the name by which a method is called.
func (g *generator) endpointName(service *protogen.Service, m *protogen.Method) string {
	if g.params.useGRPC {
		return fmt.Sprintf("/%s/%s", service.Desc.FullName(), m.Desc.Name())
	}
	return service.GoName + "." + m.GoName
}

// endpoints writes New<S>Endpoints, the annotated methods for a gateway.
func (g *generator) endpoints(service *protogen.Service) {
	g.P("// New", service.GoName, "Endpoints lists the HTTP endpoints of the ", service.Desc.Name(), " service.")
	g.P("func New", service.GoName, "Endpoints() []*", g.endpoint(), " {")
	g.P("return []*", g.endpoint(), "{")
	for _, m := range service.Methods {
		if literal := g.endpointLiteral(service, m); literal != "" {
			g.P(strings.TrimPrefix(literal, g.endpoint()), ",")
		}
	}
	g.P("}")
	g.P("}")
	g.P()
}

// endpointLiteral is the api.Endpoint of an annotated method, without the
// address operator; empty for other methods.
func (g *generator) endpointLiteral(service *protogen.Service, m *protogen.Method) string {
	e := g.http[m]
	if e == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s{\nName: %q,\nPath: %s,\nMethod: %s,\n", g.endpoint(), service.GoName+"."+m.GoName, stringsLiteral(e.paths), stringsLiteral(e.methods))
	if streams(m) {
		b.WriteString("Stream: true,\n")
	}
	b.WriteString("Handler: \"rpc\",\n}")
	return b.String()
}

func stringsLiteral(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[]string{" + strings.Join(quoted, ", ") + "}"
}

func (g *generator) clientInterface(service *protogen.Service) {
	name := clientName(service)
	leading := service.Comments.Leading
	if leading == "" {
		leading = protogen.Comments(fmt.Sprintf(" %s is the client of the %s service.\n", name, service.Desc.Name()))
	}
	g.comment(leading, serviceDeprecated(service))
	g.P("type ", name, " interface {")
	for _, m := range service.Methods {
		g.comment(m.Comments.Leading, methodDeprecated(m))
		g.P(g.clientSignature(service, m))
	}
	g.P("}")
	g.P()
}

// clientSignature is the signature of a method in the client interface.
func (g *generator) clientSignature(service *protogen.Service, m *protogen.Method) string {
	in := ""
	if !m.Desc.IsStreamingClient() {
		in = ", " + g.local("in") + " *" + g.message(m.Input)
	}
	out := service.GoName + "_" + m.GoName + "Service"
	if !streams(m) {
		out = "*" + g.message(m.Output)
	}
	return fmt.Sprintf("%s(%s %s%s, %s ...%s) (%s, error)", m.GoName, g.local("ctx"), g.context(), in, g.local("opts"), g.callOption(), out)
}

func (g *generator) clientStruct(service *protogen.Service) {
	name := clientName(service)
	impl := g.local(lowerFirst(name))
	g.P("type ", impl, " struct {")
	g.P("c ", g.client())
	g.P("name string")
	g.P("}")
	g.P()
	nameParam, c := g.local("name"), g.local("c")
	g.comment(protogen.Comments(fmt.Sprintf(" New%s returns a client that calls the service registered as %s.\n", name, nameParam)), serviceDeprecated(service))
	g.P("func New", name, "(", nameParam, " string, ", c, " ", g.client(), ") ", name, " {")
	g.P("return &", impl, "{c: ", c, ", name: ", nameParam, "}")
	g.P("}")
	g.P()
}

// clientMethod writes a method of the client.
func (g *generator) clientMethod(service *protogen.Service, m *protogen.Method) {
	c, req := g.local("c"), g.local("req")
	impl := g.local(lowerFirst(clientName(service)))
	g.P("func (", c, " *", impl, ") ", g.clientSignature(service, m), " {")
	body := g.local("in")
	if streams(m) {
		body = "new(" + g.message(m.Input) + ")"
	}
	g.P(req, " := ", c, ".c.NewRequest(", c, ".name, ", strconv.Quote(g.endpointName(service, m)), ", ", body, ")")
	if streams(m) {
		g.openStream(service, m, c, req)
	} else {
		out := g.local("out")
		g.P(out, " := new(", g.message(m.Output), ")")
		g.P("if err := ", c, ".c.Call(", g.local("ctx"), ", ", req, ", ", out, ", ", g.local("opts"), "...); err != nil {")
		g.P("return nil, err")
		g.P("}")
		g.P("return ", out, ", nil")
	}
	g.P("}")
	g.P()
}

func (g *generator) openStream(service *protogen.Service, m *protogen.Method, c, req string) {
	stream := g.local("stream")
	g.P(stream, ", err := ", c, ".c.Stream(", g.local("ctx"), ", ", req, ", ", g.local("opts"), "...)")
	g.P("if err != nil {")
	g.P("return nil, err")
	g.P("}")
	if !m.Desc.IsStreamingClient() {
		g.P("if err := ", stream, ".Send(", g.local("in"), "); err != nil {")
		g.P("_ = ", stream, ".Close()")
		g.P("return nil, err")
		g.P("}")
	}
	g.P("return &", g.clientStreamStruct(service, m), "{", stream, "}, nil")
}

func (g *generator) handlerInterface(service *protogen.Service) {
	name := service.GoName + "Handler"
	g.comment(protogen.Comments(fmt.Sprintf(" %s serves the %s service.\n", name, service.Desc.Name())), serviceDeprecated(service))
	g.P("type ", name, " interface {")
	for _, m := range service.Methods {
		g.comment(m.Comments.Leading, methodDeprecated(m))
		switch stream := service.GoName + "_" + m.GoName + "Stream"; {
		case !streams(m):
			g.P(m.GoName, "(", g.context(), ", *", g.message(m.Input), ", *", g.message(m.Output), ") error")
		case m.Desc.IsStreamingClient():
			g.P(m.GoName, "(", g.context(), ", ", stream, ") error")
		default:
			g.P(m.GoName, "(", g.context(), ", *", g.message(m.Input), ", ", stream, ") error")
		}
	}
	g.P("}")
	g.P()
}

// register writes Register<S>Handler. The type that it declares inside gives the
// reflected service its name.
func (g *generator) register(service *protogen.Service) {
	s, hdlr, opts, h := g.local("s"), g.local("hdlr"), g.local("opts"), g.local("h")
	inner := g.local(lowerFirst(service.GoName))
	for slices.Contains([]string{service.GoName, s, hdlr, opts, h}, inner) {
		inner += "_"
	}
	g.comment(protogen.Comments(fmt.Sprintf(" Register%sHandler makes the methods of %s callable on %s.\n", service.GoName, hdlr, s)), serviceDeprecated(service))
	g.P("func Register", service.GoName, "Handler(", s, " ", g.server(), ", ", hdlr, " ", service.GoName, "Handler, ", opts, " ...", g.handlerOption(), ") error {")
	g.P("type ", inner, " interface {")
	for _, m := range service.Methods {
		g.P(m.GoName, g.adapterParams(m), " error")
	}
	g.P("}")
	g.P("type ", service.GoName, " struct {")
	g.P(inner)
	g.P("}")
	for _, m := range service.Methods {
		if literal := g.endpointLiteral(service, m); literal != "" {
			g.P(opts, " = append(", opts, ", ", g.withEndpoint(), "(&", literal, "))")
		}
	}
	g.P(h, " := &", g.handlerStruct(service), "{", hdlr, "}")
	g.typedMethods(service, h, opts)
	g.P("return ", s, ".Handle(", s, ".NewHandler(&", service.GoName, "{", h, "}, ", opts, "...))")
	g.P("}")
	g.P()
	g.P("type ", g.handlerStruct(service), " struct {")
	g.P(service.GoName, "Handler")
	g.P("}")
	g.P()
}

// typedMethods hands over the methods of h as functions, which the server calls
// without reflection.
func (g *generator) typedMethods(service *protogen.Service, h, opts string) {
	if len(service.Methods) == 0 {
		return
	}
	g.P(opts, " = append(", opts, ",")
	for _, m := range service.Methods {
		option := g.unaryMethod()
		if streams(m) {
			option = g.streamMethod()
		}
		g.P(option, "(", strconv.Quote(service.GoName+"."+m.GoName), ", ", h, ".", m.GoName, "),")
	}
	g.P(")")
}

func (g *generator) handlerStruct(service *protogen.Service) string {
	return g.local(lowerFirst(service.GoName + "Handler"))
}

// adapterParams are the parameters of a method as the server calls it.
func (g *generator) adapterParams(m *protogen.Method) string {
	if streams(m) {
		return fmt.Sprintf("(%s %s, %s %s)", g.local("ctx"), g.context(), g.local("stream"), g.serverStreamType())
	}
	return fmt.Sprintf("(%s %s, %s *%s, %s *%s)", g.local("ctx"), g.context(), g.local("in"), g.message(m.Input), g.local("out"), g.message(m.Output))
}

// handlerMethod writes the method that the server calls, which adapts streams.
func (g *generator) handlerMethod(service *protogen.Service, m *protogen.Method) {
	h, ctx, stream := g.local("h"), g.local("ctx"), g.local("stream")
	g.P("func (", h, " *", g.handlerStruct(service), ") ", m.GoName, g.adapterParams(m), " error {")
	call := h + "." + service.GoName + "Handler." + m.GoName
	wrapped := "&" + g.serverStreamStruct(service, m) + "{" + stream + "}"
	switch {
	case !streams(m):
		g.P("return ", call, "(", ctx, ", ", g.local("in"), ", ", g.local("out"), ")")
	case m.Desc.IsStreamingClient():
		g.P("return ", call, "(", ctx, ", ", wrapped, ")")
	default:
		message := g.local("m")
		g.P(message, " := new(", g.message(m.Input), ")")
		g.P("if err := ", stream, ".Recv(", message, "); err != nil {")
		g.P("return err")
		g.P("}")
		g.P("return ", call, "(", ctx, ", ", message, ", ", wrapped, ")")
	}
	g.P("}")
	g.P()
}
