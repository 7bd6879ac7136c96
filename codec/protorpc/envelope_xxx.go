package protorpc

import "google.golang.org/protobuf/proto"

// XXX_Unmarshal decodes b into x without resetting it.
func (x *Request) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *Request) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *Request, into x.
func (x *Request) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *Request) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *Request) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}

// XXX_Unmarshal decodes b into x without resetting it.
func (x *Response) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *Response) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *Response, into x.
func (x *Response) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *Response) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *Response) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}
