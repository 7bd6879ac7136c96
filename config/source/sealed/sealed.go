// Package sealed is a source around another one whose document has encrypted
// values: they are decrypted when the document is read. What stands in the file,
// and in the version control it lives in, can be read by holders of the key
// alone.
//
// An encrypted value is a string that begins with [Prefix], made by [Seal]:
//
//	{"database": {"host": "db1", "password": "sealed:pHD3…"}}
//
// A key of 32 bytes that is kept elsewhere opens it:
//
//	box := secretbox.NewSecrets(secrets.Key(key))
//	if err := box.Init(); err != nil { … }
//	err := config.Load(sealed.NewSource(file.NewSource(), box))
//
// Only values are decrypted, no keys of objects. A decrypted value is then like
// any other: ${NAME} in it stands for an environment variable. A value that
// cannot be decrypted fails the whole document, and the error tells its path.
package sealed

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/config/reader"
	readerjson "github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/secrets"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// Prefix begins every encrypted value. Behind it stands the encrypted text in
// standard base64.
const Prefix = "sealed:"

// What the options of this package put into their context.
type (
	formats        struct{ reader.Reader }
	decryptOptions []secrets.DecryptOption
)

// WithReader sets what reads documents in other formats than JSON.
func WithReader(r reader.Reader) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, formats{r}) }
}

// WithDecryptOptions sets the options of Decrypt, for example
// secrets.SenderPublicKey.
func WithDecryptOptions(opts ...secrets.DecryptOption) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, decryptOptions(opts)) }
}

// Seal returns a value for a document, encrypted by s.
func Seal(s secrets.Secrets, text string, opts ...secrets.EncryptOption) (string, error) {
	box, err := s.Encrypt([]byte(text), opts...)
	if err != nil {
		return "", fmt.Errorf("seal value: %w", err)
	}
	return Prefix + base64.StdEncoding.EncodeToString(box), nil
}

// NewSource returns the source inner with its encrypted values decrypted by s.
// What is written to it is passed on as it is: seal its values before.
func NewSource(inner source.Source, s secrets.Secrets, opts ...source.Option) source.Source {
	ctx := source.NewOptions(opts...).Context
	given, _ := options.Value[formats](ctx)
	r := given.Reader
	if r == nil {
		r = readerjson.NewReader()
	}
	decrypt, _ := options.Value[decryptOptions](ctx)
	return &sealed{Source: inner, secrets: s, reader: r, decrypt: decrypt}
}

type sealed struct {
	source.Source
	secrets secrets.Secrets
	reader  reader.Reader
	decrypt []secrets.DecryptOption
}

// Location is that of the source inside.
func (s *sealed) Location() string {
	if l, ok := s.Source.(source.Locator); ok {
		return l.Location()
	}
	return s.String()
}

func (s *sealed) Read() (*source.ChangeSet, error) {
	set, err := s.Source.Read()
	if err != nil {
		return nil, err
	}
	return s.open(set)
}

func (s *sealed) Watch() (source.Watcher, error) {
	w, err := s.Source.Watch()
	if err != nil {
		return nil, err
	}
	return &watcher{Watcher: w, sealed: s}, nil
}

type watcher struct {
	source.Watcher
	sealed *sealed
}

func (w *watcher) Next() (*source.ChangeSet, error) {
	set, err := w.Watcher.Next()
	if err != nil {
		return nil, err
	}
	return w.sealed.open(set)
}

// open returns the set with its values decrypted, as JSON.
func (s *sealed) open(set *source.ChangeSet) (*source.ChangeSet, error) {
	if set == nil || len(set.Data) == 0 {
		return set, nil
	}
	merged, err := s.reader.Merge(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location(), err)
	}
	decoder := json.NewDecoder(bytes.NewReader(merged.Data))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location(), err)
	}
	if document, err = s.unseal(document, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location(), err)
	}
	data, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location(), err)
	}
	opened := &source.ChangeSet{Data: data, Format: merged.Format, Source: set.Source, Timestamp: set.Timestamp}
	opened.Checksum = opened.Sum()
	return opened, nil
}

// unseal returns v, which the reader keeps from being nested too deep, with its
// strings decrypted.
func (s *sealed) unseal(v any, path []string) (any, error) {
	var err error
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			if v[key], err = s.unseal(element, append(path, key)); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, element := range v {
			if v[i], err = s.unseal(element, append(path, strconv.Itoa(i))); err != nil {
				return nil, err
			}
		}
	case string:
		box, ok := strings.CutPrefix(v, Prefix)
		if !ok {
			return v, nil
		}
		text, err := s.text(box)
		if err != nil {
			return nil, fmt.Errorf("open the sealed value %s: %w", strings.Join(path, "."), err)
		}
		return text, nil
	}
	return v, nil
}

func (s *sealed) text(box string) (string, error) {
	sealed, err := base64.StdEncoding.DecodeString(box)
	if err != nil {
		return "", err
	}
	text, err := s.secrets.Decrypt(sealed, s.decrypt...)
	return string(text), err
}
