// Package encoder is the interface to the formats that configuration is written
// in. The formats are packages below this one: encoder/json is always known,
// others, such as encoder/yaml, are for a program to import and to give to its
// reader with reader.WithEncoder.
package encoder

// Encoder converts between Go values and one format. It is used by several
// goroutines at once.
type Encoder interface {
	// Encode returns v in the format. The caller owns the result.
	Encode(v any) ([]byte, error)
	// Decode reads data into what v points to; it keeps no reference to data.
	// An Encoder that is to be used by a reader accepts a *map[string]any, and
	// fills nested maps of that type.
	Decode(data []byte, v any) error
	// String names the format, in lower case. A set of configuration is decoded
	// by the encoder whose name is the set's Format.
	String() string
}
