// Package wire is what client and server share about a message on its way: the
// headers that carry an RPC, the content types and the codecs behind them, and
// the rules for peers that speak the older "legacy" form.
//
// A message is a set of headers and a body. [ParseHead] reads the headers of
// an incoming one in a single pass; [Formats] finds the [Format] of a content
// type; a [Coder] taken from it turns values into bodies and back.
package wire

import "github.com/justcy/go-micro/v4/transport/headers"

// EOS is the text of the Micro-Error header that ends a stream without an error.
const EOS = headers.EndOfStream

// HalfCloseHeader, with any value, on a client's EOS message says that the
// client ends only its own side and waits for the end of the server's. Without
// it the client is gone, and the server does not announce the end.
const HalfCloseHeader = "Micro-Half-Close"

// Protocol is what servers put under "protocol" in their nodes' metadata. A
// node without it is spoken to in the legacy form.
const Protocol = "mucp"
