package client

import (
	"context"
	"io"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// formatFor chooses the format in which a body of the given content type is
// sent to node, and the content type that names it. A node without a protocol
// in its metadata is spoken to in the legacy form.
func (s *settings) formatFor(node *registry.Node, contentType string) (*wire.Format, string, error) {
	if node.Metadata["protocol"] == "" {
		contentType = wire.LegacyContentType(contentType)
		if f, err := wire.Legacy.Lookup(contentType); err == nil {
			return f, contentType, nil
		}
	}
	f, err := s.format(contentType)
	return f, contentType, err
}

// appendHeaders appends the headers of a request: what the metadata of ctx
// passes on, then what describes the request.
// The id and the timeout are not among them.
func appendHeaders(h []wire.Field, ctx context.Context, req Request, contentType string) []wire.Field {
	if md, ok := metadata.FromContext(ctx); ok {
		for name, value := range md {
			if wire.Travels(name) {
				h = append(h, wire.Field{Name: name, Value: value})
			}
		}
	}
	h = append(h,
		wire.Field{Name: headers.ContentType, Value: contentType},
		wire.Field{Name: headers.Accept, Value: req.ContentType()})
	h = appendNonEmpty(h, headers.Request, req.Service())
	h = appendNonEmpty(h, headers.Method, req.Method())
	return appendNonEmpty(h, headers.Endpoint, req.Endpoint())
}

func appendNonEmpty(h []wire.Field, name, value string) []wire.Field {
	if value == "" {
		return h
	}
	return append(h, wire.Field{Name: name, Value: value})
}

// requestMessage is the message of req as codecs see it.
func requestMessage(req Request, id string, header map[string]string) codec.Message {
	return codec.Message{
		Id:       id,
		Type:     codec.Request,
		Target:   req.Service(),
		Method:   req.Method(),
		Endpoint: req.Endpoint(),
		Header:   header,
	}
}

// received is a message on its way to the user.
type received struct {
	header wire.Header
	body   []byte
	whole  transport.Message // while it is received with a map
}

// receive receives a message, without a map of its headers if the connection
// can do that.
func (r *received) receive(conn transport.Socket, carrier wire.Carrier) (err error) {
	if carrier != nil {
		r.body, err = carrier.RecvHeader(&r.header)
		return err
	}
	err = conn.Recv(&r.whole)
	r.header, r.body = wire.MapHeader(r.whole.Header), r.whole.Body
	r.whole = transport.Message{}
	return err
}

// decode reads the message into v: the error that it reports, or the body.
func (r *received) decode(c *wire.Coder, m *codec.Message, v any) error {
	remote, err := r.open(c, m)
	if remote != nil {
		return remote
	}
	if err == nil {
		err = c.ReadBody(v)
	}
	if err != nil {
		return codecError(err)
	}
	return nil
}

// open prepares the reading of a body and fills m, the message as the codec
// sees it. The first error is what the message reports in place of a body, the
// second one says why it could not be read.
func (r *received) open(c *wire.Coder, m *codec.Message) (remote, err error) {
	if text, coded := r.header.Error(); text != "" {
		return remoteError(text, coded), nil
	}
	*m = codec.Message{Type: codec.Response}
	if !c.Headerless() {
		m.Header = r.header.Map()
	}
	c.Load(r.body)
	if err := c.ReadHeader(m, codec.Response); err != nil {
		return nil, err
	}
	if m.Error != "" {
		return remoteError(m.Error, ""), nil
	}
	return nil, nil
}

// remoteError is the error that the other side reported with text, and in coded
// form unless that is empty.
func remoteError(text, coded string) error {
	switch {
	case text == wire.EOS:
		return io.EOF
	case coded != "":
		return wire.CodedError(text, coded)
	}
	return wire.RemoteError(text)
}
