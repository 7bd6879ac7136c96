package natsjs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// maxName is how long names of streams and consumers may be, in bytes.
const maxName = 200

// subject returns the subject of a topic. It is the topic itself, unless NATS
// could not use that or would take it for something else: then what is in the way
// is escaped with a percent sign, and so is the percent sign of a topic that looks
// like the result.
func subject(topic string) string {
	if literal(topic) && topic == plain(topic) {
		return topic
	}
	return escape(topic)
}

// literal reports whether a topic is a subject that stands for itself.
func literal(topic string) bool {
	if strings.HasPrefix(topic, "$") { // the server's own
		return false
	}
	for token := range strings.SplitSeq(topic, ".") {
		if token == "" || token == "*" || token == ">" || strings.ContainsFunc(token, unprintable) {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }

// plain returns a topic, or another text when the topic is what escape makes of
// some topic.
func plain(topic string) string {
	for i := 0; i+2 < len(topic); i++ {
		if topic[i] == '%' && strings.Contains(escapes, topic[i+1:i+3]) {
			return ""
		}
	}
	return topic
}

// escapes are the two digits of everything that escape writes so.
var escapes = func() string {
	var all strings.Builder
	for c := range 0x80 {
		if escaped(byte(c)) {
			fmt.Fprintf(&all, "%02X ", c)
		}
	}
	return all.String()
}()

func escaped(c byte) bool { return unprintable(rune(c)) || strings.IndexByte("%*>.$", c) >= 0 }

func escape(topic string) string {
	var b strings.Builder
	for _, c := range []byte(topic) {
		if escaped(c) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// name returns the name of a stream for a topic, or of a consumer for a group. It
// is that itself, unless NATS could not use it: then it is what can be used of it,
// and a hash.
func name(of string) string {
	legal := strings.Map(func(r rune) rune {
		if unprintable(r) || strings.ContainsRune(`.*>/\`, r) {
			return '_'
		}
		return r
	}, of)
	if legal == of && len(of) <= maxName {
		return of
	}
	sum := sha256.Sum256([]byte(of))
	return strings.ToValidUTF8(legal[:min(len(legal), maxName-17)], "") + "-" + hex.EncodeToString(sum[:8])
}
