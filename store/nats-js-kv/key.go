package natsjskv

import (
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/justcy/go-micro/v4/store"
)

// ErrName is wrapped by the error of an operation on a bucket, a table or a key
// whose name NATS cannot hold.
var ErrName = errors.New("NATS cannot hold this name")

// maxSubject is how many bytes of names fit on a line of the NATS protocol, 4,096
// in all, beside the rest.
const maxSubject = 3500

// Key is a key of the store in the forms it takes.
type Key struct {
	// Plain is what the users of the store call it.
	Plain string
	// Full has the name of its table before it.
	Full string
	// Encoded is what NATS calls it.
	Encoded string
}

// NatsKey returns what NATS calls the key.
func (k *Key) NatsKey() string { return k.Encoded }

// MicroKey returns what the users of the store call the key.
func (k *Key) MicroKey() string { return k.Plain }

// Check reports whether the key is one of the table, with the prefix and the
// suffix; what is empty is not asked for.
func (k *Key) Check(table, prefix, suffix string) bool {
	return (table == "" || k.Full == fullKey(table, k.Plain)) &&
		strings.HasPrefix(k.Plain, prefix) && strings.HasSuffix(k.Plain, suffix)
}

func fullKey(table, key string) string {
	if table == "" {
		return key
	}
	return table + "_" + key
}

// place is the bucket and the table of an operation.
type place struct {
	bucket, table string
	encoded       bool
}

func newPlace(o store.Options, db, table string) place {
	if table == "" {
		table = o.Table
	}
	return place{database(o, db), table, settings(o).encodeKeys}
}

// key returns the forms of a key that is called so by the users of the store.
func (at place) key(plain string) *Key {
	k := &Key{Plain: plain, Full: fullKey(at.table, plain)}
	k.Encoded = k.Full
	if at.encoded {
		k.Encoded = base32.StdEncoding.EncodeToString([]byte(k.Full))
	}
	return k
}

// parse returns the forms of a key that NATS calls so; ok is false when it belongs
// to another table, or to nobody who encodes keys.
func (at place) parse(encoded string) (k *Key, ok bool) {
	full := encoded
	if at.encoded {
		decoded, err := base32.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, false
		}
		full = string(decoded)
	}
	plain := full
	if at.table != "" {
		if plain, ok = strings.CutPrefix(full, at.table+"_"); !ok {
			return nil, false
		}
	}
	return &Key{Plain: plain, Full: full, Encoded: encoded}, true
}

var legalKey = regexp.MustCompile(`^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$`)

// natsKey returns what NATS calls a key, if it can.
func (at place) natsKey(plain string) (string, error) {
	name := at.key(plain).NatsKey()
	switch {
	case 2*len(at.bucket)+len(name) > maxSubject:
		return "", fmt.Errorf("%w: it has %d bytes with its table, and may have %d", ErrName, len(name), max(0, maxSubject-2*len(at.bucket)))
	case name == "":
		return "", fmt.Errorf("%w: it is empty", ErrName)
	case !legalKey.MatchString(name):
		return "", fmt.Errorf(`%w: keys are letters, digits and "-/_=" in parts between dots, unless EncodeKeys is set`, ErrName)
	}
	return name, nil
}
