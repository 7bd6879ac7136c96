package proto

// Message carries the bytes of a message that is not to be decoded. Protobuf
// and JSON encoders take and fill it as they do a message of a known type.
type Message struct {
	Data []byte
}

// NewMessage returns a Message of these bytes, which it keeps.
func NewMessage(data []byte) *Message {
	return &Message{Data: data}
}

func (m *Message) data() []byte {
	if m == nil {
		return nil
	}
	return m.Data
}

// clone returns a copy of b that is never nil, so that an empty message is
// told from no message.
func clone(b []byte) []byte {
	return append([]byte{}, b...)
}

// Marshal returns the bytes as they are.
func (m *Message) Marshal() ([]byte, error) {
	return m.data(), nil
}

// MarshalJSON returns the bytes, which must then be JSON; none are null.
func (m *Message) MarshalJSON() ([]byte, error) {
	if len(m.data()) == 0 {
		return []byte("null"), nil
	}
	return m.Data, nil
}

// ProtoMessage marks a Message as a protobuf message.
func (m *Message) ProtoMessage() {}

// Reset drops the bytes.
func (m *Message) Reset() {
	*m = Message{}
}

// String returns the bytes as text.
func (m *Message) String() string {
	return string(m.data())
}

// Unmarshal keeps a copy of data.
func (m *Message) Unmarshal(data []byte) error {
	m.Data = clone(data)
	return nil
}

// UnmarshalJSON keeps a copy of data.
func (m *Message) UnmarshalJSON(data []byte) error {
	return m.Unmarshal(data)
}
