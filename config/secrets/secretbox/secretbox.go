// Package secretbox encrypts with one key of 32 bytes, by NaCl's secretbox:
// whoever has the key can both encrypt and decrypt.
package secretbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/justcy/go-micro/v4/config/secrets"
	"github.com/justcy/go-micro/v4/internal/options"
)

const (
	keyLength   = 32
	nonceLength = 24 // the nonce precedes the box
)

var (
	errNoKey   = errors.New("no secret key is defined")
	errKey     = errors.New("secret key must be 32 bytes long")
	errDecrypt = errors.New("decryption failed (is the key set correctly?)")
)

// NewSecrets returns secrets without a key: it is taken from the options, those
// given here and to Init, by Init.
func NewSecrets(opts ...secrets.Option) secrets.Secrets {
	s := &secretBox{}
	options.To(&s.options, opts)
	return s
}

type secretBox struct {
	mu      sync.RWMutex
	options secrets.Options
	key     *[keyLength]byte // nil before Init
}

func (s *secretBox) String() string { return "nacl-secretbox" }

func (s *secretBox) Options() secrets.Options {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.options
}

func (s *secretBox) Init(opts ...secrets.Option) error {
	options := options.With(s.Options(), opts)
	if len(options.Key) == 0 {
		return errNoKey
	}
	if len(options.Key) != keyLength {
		return errKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options = options
	s.key = (*[keyLength]byte)(append([]byte(nil), options.Key...))
	return nil
}

func (s *secretBox) current() (*[keyLength]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.key == nil {
		return nil, fmt.Errorf("%w: call Init with one", errNoKey)
	}
	return s.key, nil
}

// Encrypt has no use for options.
func (s *secretBox) Encrypt(in []byte, _ ...secrets.EncryptOption) ([]byte, error) {
	key, err := s.current()
	if err != nil {
		return nil, err
	}
	var nonce [nonceLength]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, fmt.Errorf("couldn't obtain a random nonce from crypto/rand: %w", err)
	}
	return secretbox.Seal(nonce[:], in, &nonce, key), nil
}

// Decrypt has no use for options.
func (s *secretBox) Decrypt(in []byte, _ ...secrets.DecryptOption) ([]byte, error) {
	key, err := s.current()
	if err != nil {
		return nil, err
	}
	if len(in) < nonceLength {
		return nil, errDecrypt
	}
	out, ok := secretbox.Open(nil, in[nonceLength:], (*[nonceLength]byte)(in), key)
	if !ok {
		return nil, errDecrypt
	}
	return out, nil
}
