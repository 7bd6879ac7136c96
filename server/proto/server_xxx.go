package go_micro_server

import "google.golang.org/protobuf/proto"

// XXX_Unmarshal decodes b into x without resetting it.
func (x *HandleRequest) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *HandleRequest) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *HandleRequest, into x.
func (x *HandleRequest) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *HandleRequest) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *HandleRequest) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}

// XXX_Unmarshal decodes b into x without resetting it.
func (x *HandleResponse) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *HandleResponse) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *HandleResponse, into x.
func (x *HandleResponse) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *HandleResponse) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *HandleResponse) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}

// XXX_Unmarshal decodes b into x without resetting it.
func (x *SubscribeRequest) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *SubscribeRequest) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *SubscribeRequest, into x.
func (x *SubscribeRequest) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *SubscribeRequest) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *SubscribeRequest) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}

// XXX_Unmarshal decodes b into x without resetting it.
func (x *SubscribeResponse) XXX_Unmarshal(b []byte) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(b, x)
}

// XXX_Marshal appends the encoding of x to b.
func (x *SubscribeResponse) XXX_Marshal(b []byte, deterministic bool) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: deterministic}.MarshalAppend(b, x)
}

// XXX_Merge merges src, which must be a *SubscribeResponse, into x.
func (x *SubscribeResponse) XXX_Merge(src proto.Message) {
	proto.Merge(x, src)
}

// XXX_Size returns the length of the encoding of x.
func (x *SubscribeResponse) XXX_Size() int {
	return proto.Size(x)
}

// XXX_DiscardUnknown drops the fields that x does not know.
func (x *SubscribeResponse) XXX_DiscardUnknown() {
	x.XXX_unrecognized = nil
}
