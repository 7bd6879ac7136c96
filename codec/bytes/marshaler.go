package bytes

import "github.com/justcy/go-micro/v4/codec"

// Marshaler copies []byte, *[]byte and the body of *Message. Other values are
// codec.ErrInvalidMessage.
type Marshaler struct{}

// Message is a body with its headers. The Marshaler takes and fills the body
// alone.
type Message struct {
	Header map[string]string
	Body   []byte
}

var _ codec.Marshaler = Marshaler{}

// Marshal returns a copy of the bytes of v.
func (Marshaler) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return clone(v), nil
	case *[]byte:
		if v != nil {
			return clone(*v), nil
		}
	case *Message:
		if v != nil {
			return clone(v.Body), nil
		}
	}
	return nil, codec.ErrInvalidMessage
}

// Unmarshal stores a copy of data in v, a *[]byte or *Message.
func (Marshaler) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		if v != nil {
			*v = clone(data)
			return nil
		}
	case *Message:
		if v != nil {
			v.Body = clone(data)
			return nil
		}
	}
	return codec.ErrInvalidMessage
}

// String returns "bytes".
func (Marshaler) String() string {
	return name
}

// clone returns a copy of b that is never nil.
func clone(b []byte) []byte {
	return append([]byte{}, b...)
}
