package grpc

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
	utilgrpc "github.com/justcy/go-micro/v4/util/grpc"
)

const (
	detailsHeader = "grpc-status-details-bin"

	// maxDetails is how long an error may be, in bytes, to be sent as a detail of
	// the status beside the message. Clients limit the size of headers.
	maxDetails = 2 << 10
	// maxMessage is how much of the text of an error is sent.
	maxMessage = 4 << 10
)

// status is how a call ended, in the words of gRPC.
type status struct {
	code    uint32
	message string
	detail  *errors.Error // nil if there is none
}

// statusOf makes a status of the text of an error. The JSON of an *errors.Error
// has a code, and becomes the detail; any other text is Internal.
func statusOf(text string) status {
	s := status{message: text, code: utilgrpc.Code(500)}
	if len(text) > maxMessage {
		s.message = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	e := errors.Parse(text)
	if e.Code == 0 && e.Id == "" {
		return s
	}
	if e.Code != 0 {
		s.code = utilgrpc.Code(e.Code)
	}
	s.detail = e
	return s
}

// SetStatus sets, in the header of a reply, the status that tells a gRPC client
// about an error with this text, in place of the one that Write has set. The JSON
// of an *errors.Error becomes the status that fits its code, with the error as a
// detail; any other text is Internal. The end of a stream is no error.
//
// Peers that are no gRPC clients read the error itself; they get what Write sets.
func SetStatus(header map[string]string, text string) {
	if text == headers.EndOfStream {
		return
	}
	s, md := statusOf(text), metadata.Metadata(header)
	trailer := statusHeader + ", " + messageHeader
	md.Set(statusHeader, strconv.FormatUint(uint64(s.code), 10))
	md.Set(messageHeader, encodeMessage(s.message))
	if details := s.details(); details != "" {
		trailer += ", " + detailsHeader
		md.Set(detailsHeader, details)
	}
	md.Set("Trailer", trailer)
}

// details encodes a google.rpc.Status, whose fields are code, message, and
// details, a list of Any. It is empty when there is no detail.
func (s status) details() string {
	if s.detail == nil || proto.Size(s.detail) > maxDetails {
		return ""
	}
	value, err := proto.Marshal(s.detail)
	if err != nil {
		return ""
	}
	var packed, b []byte
	packed = appendField(packed, 1, "type.googleapis.com/"+string(s.detail.ProtoReflect().Descriptor().FullName()))
	packed = appendField(packed, 2, string(value))
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(s.code))
	b = appendField(b, 2, s.message)
	b = appendField(b, 3, string(packed))
	return base64.RawStdEncoding.EncodeToString(b)
}

func appendField(b []byte, number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), value)
}

// encodeMessage writes the bytes that a header cannot hold, and the percent
// sign, as a percent sign and two digits.
func encodeMessage(text string) string {
	plain := func(c byte) bool { return ' ' <= c && c <= '~' && c != '%' }
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
