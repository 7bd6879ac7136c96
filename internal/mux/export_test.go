package mux

// What the tests of the wire need to see.

var DecodeBlock = decodeBlock

// AppendBlock appends the header block of h.
func AppendBlock(b []byte, h map[string]string) ([]byte, error) {
	b, _, err := outgoing{header: h}.appendBlock(b)
	return b, err
}

const (
	MaxBlock    = maxBlock
	MaxBase     = maxBase
	MessageCost = messageCost
)

// Frame is one frame with its payload.
func Frame(kind, flags byte, socket uint32, payload string) string {
	return string(appendHead(nil, head{kind: toKind(kind), flags: flags, length: len(payload), socket: socket})) + payload
}

func toKind(k byte) kind { return kind(k) }

// Kinds and flags of frames.
const (
	KindMessage = byte(kindMessage)
	KindWindow  = byte(kindWindow)
	KindClose   = byte(kindClose)
	KindReset   = byte(kindReset)
	KindPing    = byte(kindPing)
	KindPong    = byte(kindPong)
	KindGoAway  = byte(kindGoAway)
	FlagBegin   = byte(flagBegin)
	FlagOpen    = byte(flagOpen)
	FlagRepeat  = byte(flagRepeat)
)

// Midway reports whether a message of s was sent in part.
func Midway(s *Socket) bool {
	s.c.w.mu.Lock()
	defer s.c.w.mu.Unlock()
	return s.midway
}

// Sockets counts the open sockets of c.
func Sockets(c *Conn) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets)
}

// Buffered is how many bytes wait for the users of sockets.
func Buffered(c *Conn) int64 { return c.buffered.Load() }

// Pending is how many bytes wait to be written.
func Pending(c *Conn) int {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return len(c.w.out)
}

// Line counts the sockets that wait for their turn to write a large body.
func Line(c *Conn) int {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return len(c.w.line)
}

// Held is how many bytes wait for the user of s.
func Held(s *Socket) int { return s.holds() }

// Leading reports whether a Recv reads the connection.
func Leading(c *Conn) bool {
	c.turn.mu.Lock()
	defer c.turn.mu.Unlock()
	return c.turn.who == leading
}

// Begun is how many bytes there are of a message that has arrived in part, while
// nothing arrives.
func Begun(s *Socket) int { return cap(s.part.body) }
