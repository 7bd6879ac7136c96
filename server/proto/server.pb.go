// This is the older form of the Go code for server.proto: the messages have XXX_
// members, which plugins may use, in place of a hidden state. Apart from those
// it is what protoc-gen-go makes.

package go_micro_server

import (
	protoreflect "google.golang.org/protobuf/reflect/protoreflect"
	protoimpl "google.golang.org/protobuf/runtime/protoimpl"
	reflect "reflect"
	sync "sync"
	unsafe "unsafe"
)

const (
	// Verify that this generated code is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(20 - protoimpl.MinVersion)
	// Verify that runtime/protoimpl is sufficiently up-to-date.
	_ = protoimpl.EnforceVersion(protoimpl.MaxVersion - 20)
)

// HandleRequest names the endpoint to handle.
type HandleRequest struct {
	Service  string `protobuf:"bytes,1,opt,name=service,proto3" json:"service,omitempty"`
	Endpoint string `protobuf:"bytes,2,opt,name=endpoint,proto3" json:"endpoint,omitempty"`
	Protocol string `protobuf:"bytes,3,opt,name=protocol,proto3" json:"protocol,omitempty"`

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *HandleRequest) Reset() {
	*x = HandleRequest{}
}

func (x *HandleRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*HandleRequest) ProtoMessage() {}

func (x *HandleRequest) ProtoReflect() protoreflect.Message {
	mi := &file_server_proto_msgTypes[0]
	return mi.MessageOf(x)
}

// Deprecated: Use HandleRequest.ProtoReflect.Descriptor instead.
func (*HandleRequest) Descriptor() ([]byte, []int) {
	return file_server_proto_rawDescGZIP(), []int{0}
}

func (x *HandleRequest) GetService() string {
	if x != nil {
		return x.Service
	}
	return ""
}

func (x *HandleRequest) GetEndpoint() string {
	if x != nil {
		return x.Endpoint
	}
	return ""
}

func (x *HandleRequest) GetProtocol() string {
	if x != nil {
		return x.Protocol
	}
	return ""
}

type HandleResponse struct {

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *HandleResponse) Reset() {
	*x = HandleResponse{}
}

func (x *HandleResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*HandleResponse) ProtoMessage() {}

func (x *HandleResponse) ProtoReflect() protoreflect.Message {
	mi := &file_server_proto_msgTypes[1]
	return mi.MessageOf(x)
}

// Deprecated: Use HandleResponse.ProtoReflect.Descriptor instead.
func (*HandleResponse) Descriptor() ([]byte, []int) {
	return file_server_proto_rawDescGZIP(), []int{1}
}

// SubscribeRequest names the topic to subscribe to.
type SubscribeRequest struct {
	Topic string `protobuf:"bytes,1,opt,name=topic,proto3" json:"topic,omitempty"`

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *SubscribeRequest) Reset() {
	*x = SubscribeRequest{}
}

func (x *SubscribeRequest) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SubscribeRequest) ProtoMessage() {}

func (x *SubscribeRequest) ProtoReflect() protoreflect.Message {
	mi := &file_server_proto_msgTypes[2]
	return mi.MessageOf(x)
}

// Deprecated: Use SubscribeRequest.ProtoReflect.Descriptor instead.
func (*SubscribeRequest) Descriptor() ([]byte, []int) {
	return file_server_proto_rawDescGZIP(), []int{2}
}

func (x *SubscribeRequest) GetTopic() string {
	if x != nil {
		return x.Topic
	}
	return ""
}

type SubscribeResponse struct {

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *SubscribeResponse) Reset() {
	*x = SubscribeResponse{}
}

func (x *SubscribeResponse) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*SubscribeResponse) ProtoMessage() {}

func (x *SubscribeResponse) ProtoReflect() protoreflect.Message {
	mi := &file_server_proto_msgTypes[3]
	return mi.MessageOf(x)
}

// Deprecated: Use SubscribeResponse.ProtoReflect.Descriptor instead.
func (*SubscribeResponse) Descriptor() ([]byte, []int) {
	return file_server_proto_rawDescGZIP(), []int{3}
}

var File_server_proto protoreflect.FileDescriptor

const file_server_proto_rawDesc = "" +
	"\n" +
	"\fserver.proto\x12\x0fgo.micro.server\"a\n" +
	"\rHandleRequest\x12\x18\n" +
	"\aservice\x18\x01 \x01(\tR\aservice\x12\x1a\n" +
	"\bendpoint\x18\x02 \x01(\tR\bendpoint\x12\x1a\n" +
	"\bprotocol\x18\x03 \x01(\tR\bprotocol\"\x10\n" +
	"\x0eHandleResponse\"(\n" +
	"\x10SubscribeRequest\x12\x14\n" +
	"\x05topic\x18\x01 \x01(\tR\x05topic\"\x13\n" +
	"\x11SubscribeResponse2\xab\x01\n" +
	"\x06Server\x12K\n" +
	"\x06Handle\x12\x1e.go.micro.server.HandleRequest\x1a\x1f.go.micro.server.HandleResponse\"\x00\x12T\n" +
	"\tSubscribe\x12!.go.micro.server.SubscribeRequest\x1a\".go.micro.server.SubscribeResponse\"\x00B<Z:github.com/justcy/go-micro/v4/server/proto;go_micro_serverb\x06proto3"

var (
	file_server_proto_rawDescOnce sync.Once
	file_server_proto_rawDescData []byte
)

func file_server_proto_rawDescGZIP() []byte {
	file_server_proto_rawDescOnce.Do(func() {
		file_server_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_server_proto_rawDesc), len(file_server_proto_rawDesc)))
	})
	return file_server_proto_rawDescData
}

var file_server_proto_msgTypes = make([]protoimpl.MessageInfo, 4)
var file_server_proto_goTypes = []any{
	(*HandleRequest)(nil),     // 0: go.micro.server.HandleRequest
	(*HandleResponse)(nil),    // 1: go.micro.server.HandleResponse
	(*SubscribeRequest)(nil),  // 2: go.micro.server.SubscribeRequest
	(*SubscribeResponse)(nil), // 3: go.micro.server.SubscribeResponse
}
var file_server_proto_depIdxs = []int32{
	0, // 0: go.micro.server.Server.Handle:input_type -> go.micro.server.HandleRequest
	2, // 1: go.micro.server.Server.Subscribe:input_type -> go.micro.server.SubscribeRequest
	1, // 2: go.micro.server.Server.Handle:output_type -> go.micro.server.HandleResponse
	3, // 3: go.micro.server.Server.Subscribe:output_type -> go.micro.server.SubscribeResponse
	2, // [2:4] is the sub-list for method output_type
	0, // [0:2] is the sub-list for method input_type
	0, // [0:0] is the sub-list for extension type_name
	0, // [0:0] is the sub-list for extension extendee
	0, // [0:0] is the sub-list for field type_name
}

func init() { file_server_proto_init() }
func file_server_proto_init() {
	if File_server_proto != nil {
		return
	}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_server_proto_rawDesc), len(file_server_proto_rawDesc)),
			NumEnums:      0,
			NumMessages:   4,
			NumExtensions: 0,
			NumServices:   1,
		},
		GoTypes:           file_server_proto_goTypes,
		DependencyIndexes: file_server_proto_depIdxs,
		MessageInfos:      file_server_proto_msgTypes,
	}.Build()
	File_server_proto = out.File
	file_server_proto_goTypes = nil
	file_server_proto_depIdxs = nil
}
