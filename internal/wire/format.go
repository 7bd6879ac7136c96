package wire

import (
	"fmt"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/codec/jsonrpc"
	"github.com/justcy/go-micro/v4/codec/proto"
	"github.com/justcy/go-micro/v4/codec/protorpc"
)

// Codecs returns a new table of the content types known by default.
func Codecs() map[string]codec.NewCodec {
	return map[string]codec.NewCodec{
		"application/grpc":         grpc.NewCodec,
		"application/grpc+json":    grpc.NewCodec,
		"application/grpc+proto":   grpc.NewCodec,
		"application/json":         json.NewCodec,
		"application/json-rpc":     jsonrpc.NewCodec,
		"application/protobuf":     proto.NewCodec,
		"application/proto-rpc":    protorpc.NewCodec,
		"application/octet-stream": bytes.NewCodec,
	}
}

// Legacy are the formats of peers that carry service, method and id in the
// body instead of the headers.
var Legacy = NewFormats(map[string]codec.NewCodec{
	"application/json":         jsonrpc.NewCodec,
	"application/json-rpc":     jsonrpc.NewCodec,
	"application/protobuf":     protorpc.NewCodec,
	"application/proto-rpc":    protorpc.NewCodec,
	"application/octet-stream": protorpc.NewCodec,
})

// Formats finds the format of a content type. It is safe for concurrent use
// and does not change after it was made.
type Formats struct {
	byType map[string]*Format
}

// NewFormats makes the formats of the given tables; a later table wins over an
// earlier one. The tables are not kept.
func NewFormats(tables ...map[string]codec.NewCodec) *Formats {
	f := &Formats{byType: map[string]*Format{}}
	for _, table := range tables {
		for ct, newCodec := range table {
			f.byType[ct] = NewFormat(ct, newCodec)
		}
	}
	return f
}

// Lookup returns the format of a content type. Parameters such as a charset
// and the case of the type make no difference.
func (f *Formats) Lookup(contentType string) (*Format, error) {
	if format, ok := f.byType[contentType]; ok {
		return format, nil
	}
	plain, _, _ := strings.Cut(contentType, ";")
	if format, ok := f.byType[strings.ToLower(strings.TrimSpace(plain))]; ok {
		return format, nil
	}
	return nil, fmt.Errorf("unsupported Content-Type: %s", contentType)
}

// Format is one content type and the codec behind it.
type Format struct {
	// ContentType is the name under which the format was registered.
	ContentType string

	newCodec codec.NewCodec
	coders   sync.Pool // of *Coder whose codec is a codec.Resetter
}

// NewFormat binds a content type to the constructor of its codec.
func NewFormat(contentType string, newCodec codec.NewCodec) *Format {
	return &Format{ContentType: contentType, newCodec: newCodec}
}

// Coder returns a coder for one call or one stream. Release gives it back.
func (f *Format) Coder() *Coder {
	if c, ok := f.coders.Get().(*Coder); ok {
		return c
	}
	c := &Coder{format: f}
	c.codec = f.newCodec(&c.buffer)
	return c
}
