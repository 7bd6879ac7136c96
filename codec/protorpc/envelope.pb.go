// This is the older form of the Go code for envelope.proto: the messages have XXX_
// members, which plugins may use, in place of a hidden state. Apart from those
// it is what protoc-gen-go makes.

package protorpc

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

// Request is the envelope of a call.
type Request struct {
	// service_method is the called method.
	ServiceMethod string `protobuf:"bytes,1,opt,name=service_method,json=serviceMethod,proto3" json:"service_method,omitempty"`
	// seq connects the response with the request.
	Seq uint64 `protobuf:"fixed64,2,opt,name=seq,proto3" json:"seq,omitempty"`

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *Request) Reset() {
	*x = Request{}
}

func (x *Request) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Request) ProtoMessage() {}

func (x *Request) ProtoReflect() protoreflect.Message {
	mi := &file_codec_protorpc_envelope_proto_msgTypes[0]
	return mi.MessageOf(x)
}

// Deprecated: Use Request.ProtoReflect.Descriptor instead.
func (*Request) Descriptor() ([]byte, []int) {
	return file_codec_protorpc_envelope_proto_rawDescGZIP(), []int{0}
}

func (x *Request) GetServiceMethod() string {
	if x != nil {
		return x.ServiceMethod
	}
	return ""
}

func (x *Request) GetSeq() uint64 {
	if x != nil {
		return x.Seq
	}
	return 0
}

// Response is the envelope of an answer.
type Response struct {
	// service_method is the called method.
	ServiceMethod string `protobuf:"bytes,1,opt,name=service_method,json=serviceMethod,proto3" json:"service_method,omitempty"`
	// seq is that of the request.
	Seq uint64 `protobuf:"fixed64,2,opt,name=seq,proto3" json:"seq,omitempty"`
	// error is the error text, empty when there is none.
	Error string `protobuf:"bytes,3,opt,name=error,proto3" json:"error,omitempty"`

	// XXX_NoUnkeyedLiteral makes literals name their fields.
	XXX_NoUnkeyedLiteral struct{} `json:"-"`
	// XXX_unrecognized holds fields that the message does not know.
	XXX_unrecognized []byte `json:"-"`
	// XXX_sizecache is the size taken last.
	XXX_sizecache int32 `json:"-"`
}

func (x *Response) Reset() {
	*x = Response{}
}

func (x *Response) String() string {
	return protoimpl.X.MessageStringOf(x)
}

func (*Response) ProtoMessage() {}

func (x *Response) ProtoReflect() protoreflect.Message {
	mi := &file_codec_protorpc_envelope_proto_msgTypes[1]
	return mi.MessageOf(x)
}

// Deprecated: Use Response.ProtoReflect.Descriptor instead.
func (*Response) Descriptor() ([]byte, []int) {
	return file_codec_protorpc_envelope_proto_rawDescGZIP(), []int{1}
}

func (x *Response) GetServiceMethod() string {
	if x != nil {
		return x.ServiceMethod
	}
	return ""
}

func (x *Response) GetSeq() uint64 {
	if x != nil {
		return x.Seq
	}
	return 0
}

func (x *Response) GetError() string {
	if x != nil {
		return x.Error
	}
	return ""
}

var File_codec_protorpc_envelope_proto protoreflect.FileDescriptor

const file_codec_protorpc_envelope_proto_rawDesc = "" +
	"\n" +
	"\x1dcodec/protorpc/envelope.proto\x12\bprotorpc\"B\n" +
	"\aRequest\x12%\n" +
	"\x0eservice_method\x18\x01 \x01(\tR\rserviceMethod\x12\x10\n" +
	"\x03seq\x18\x02 \x01(\x06R\x03seq\"Y\n" +
	"\bResponse\x12%\n" +
	"\x0eservice_method\x18\x01 \x01(\tR\rserviceMethod\x12\x10\n" +
	"\x03seq\x18\x02 \x01(\x06R\x03seq\x12\x14\n" +
	"\x05error\x18\x03 \x01(\tR\x05errorB7Z5github.com/justcy/go-micro/v4/codec/protorpc;protorpcb\x06proto3"

var (
	file_codec_protorpc_envelope_proto_rawDescOnce sync.Once
	file_codec_protorpc_envelope_proto_rawDescData []byte
)

func file_codec_protorpc_envelope_proto_rawDescGZIP() []byte {
	file_codec_protorpc_envelope_proto_rawDescOnce.Do(func() {
		file_codec_protorpc_envelope_proto_rawDescData = protoimpl.X.CompressGZIP(unsafe.Slice(unsafe.StringData(file_codec_protorpc_envelope_proto_rawDesc), len(file_codec_protorpc_envelope_proto_rawDesc)))
	})
	return file_codec_protorpc_envelope_proto_rawDescData
}

var file_codec_protorpc_envelope_proto_msgTypes = make([]protoimpl.MessageInfo, 2)
var file_codec_protorpc_envelope_proto_goTypes = []any{
	(*Request)(nil),  // 0: protorpc.Request
	(*Response)(nil), // 1: protorpc.Response
}
var file_codec_protorpc_envelope_proto_depIdxs = []int32{
	0, // [0:0] is the sub-list for method output_type
	0, // [0:0] is the sub-list for method input_type
	0, // [0:0] is the sub-list for extension type_name
	0, // [0:0] is the sub-list for extension extendee
	0, // [0:0] is the sub-list for field type_name
}

func init() { file_codec_protorpc_envelope_proto_init() }
func file_codec_protorpc_envelope_proto_init() {
	if File_codec_protorpc_envelope_proto != nil {
		return
	}
	type x struct{}
	out := protoimpl.TypeBuilder{
		File: protoimpl.DescBuilder{
			GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
			RawDescriptor: unsafe.Slice(unsafe.StringData(file_codec_protorpc_envelope_proto_rawDesc), len(file_codec_protorpc_envelope_proto_rawDesc)),
			NumEnums:      0,
			NumMessages:   2,
			NumExtensions: 0,
			NumServices:   0,
		},
		GoTypes:           file_codec_protorpc_envelope_proto_goTypes,
		DependencyIndexes: file_codec_protorpc_envelope_proto_depIdxs,
		MessageInfos:      file_codec_protorpc_envelope_proto_msgTypes,
	}.Build()
	File_codec_protorpc_envelope_proto = out.File
	file_codec_protorpc_envelope_proto_goTypes = nil
	file_codec_protorpc_envelope_proto_depIdxs = nil
}
