package mdns

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// textString is the longest string of a TXT record.
const textString = 255

// MaxText is the most a TXT record may inflate to, in bytes.
const MaxText = 128 << 10

// ErrText says that the strings of a TXT record are not an encoded text.
var ErrText = errors.New("mdns: not an encoded text")

var deflaters = sync.Pool{New: func() any { return zlib.NewWriter(nil) }}

// EncodeTXT writes data as the strings of a TXT record: compressed with zlib, in
// lower-case hexadecimal, cut into strings of 255 characters.
func EncodeTXT(data []byte) []string {
	var compressed bytes.Buffer
	w := deflaters.Get().(*zlib.Writer)
	defer deflaters.Put(w)
	w.Reset(&compressed)
	w.Write(data) // a bytes.Buffer takes everything
	w.Close()

	text := hex.EncodeToString(compressed.Bytes())
	parts := make([]string, 0, len(text)/textString+1)
	for len(text) > textString {
		parts = append(parts, text[:textString])
		text = text[textString:]
	}
	return append(parts, text)
}

// inflaters are readers of zlib that have ended. One takes 40 KB.
var inflaters sync.Pool

func inflater(compressed []byte) (io.ReadCloser, error) {
	r, ok := inflaters.Get().(io.ReadCloser)
	if !ok {
		return zlib.NewReader(bytes.NewReader(compressed))
	}
	if err := r.(zlib.Resetter).Reset(bytes.NewReader(compressed), nil); err != nil {
		inflaters.Put(r)
		return nil, err
	}
	return r, nil
}

// DecodeTXT reverses [EncodeTXT]. It fails with ErrText on anything else, and on
// texts that inflate to more than MaxText.
func DecodeTXT(parts []string) ([]byte, error) {
	compressed, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	r, err := inflater(compressed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	defer inflaters.Put(r)
	data, err := io.ReadAll(io.LimitReader(r, MaxText+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if len(data) > MaxText {
		return nil, fmt.Errorf("%w: inflates to more than %d bytes", ErrText, MaxText)
	}
	return data, nil
}
