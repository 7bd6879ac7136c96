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

// setHeaders writes the headers of a request into h: what the metadata of ctx
// passes on, then what describes the request.
func setHeaders(h map[string]string, ctx context.Context, req Request, contentType, id string) {
	if md, ok := metadata.FromContext(ctx); ok {
		wire.CopyMetadata(h, md)
	}
	h[headers.ContentType] = contentType
	h[headers.Accept] = req.ContentType()
	h[headers.ID] = id
	setNonEmpty(h, headers.Request, req.Service())
	setNonEmpty(h, headers.Method, req.Method())
	setNonEmpty(h, headers.Endpoint, req.Endpoint())
}

func setNonEmpty(h map[string]string, name, value string) {
	if value != "" {
		h[name] = value
	}
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

// decode reads what was received into v: the error that it reports, or the
// body.
func decode(c *wire.Coder, m *codec.Message, received *transport.Message, v any) error {
	remote, err := open(c, m, received)
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
func open(c *wire.Coder, m *codec.Message, received *transport.Message) (remote, err error) {
	if text, _ := wire.Lookup(received.Header, headers.Error); text != "" {
		return remoteError(text), nil
	}
	if received.Header == nil {
		received.Header = map[string]string{}
	}
	*m = codec.Message{Type: codec.Response, Header: received.Header}
	c.Load(received.Body)
	if err := c.ReadHeader(m, codec.Response); err != nil {
		return nil, err
	}
	if m.Error != "" {
		return remoteError(m.Error), nil
	}
	return nil, nil
}

// remoteError is the error that the other side reported with text.
func remoteError(text string) error {
	if text == wire.EOS {
		return io.EOF
	}
	return wire.RemoteError(text)
}
