// Package box encrypts with pairs of keys of 32 bytes, by NaCl's box: a text is
// encrypted for the public key of its recipient, who learns that it comes from
// the owner of the sender's public key.
package box

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/nacl/box"

	"github.com/justcy/go-micro/v4/config/secrets"
	"github.com/justcy/go-micro/v4/internal/options"
)

const (
	keyLength   = 32
	nonceLength = 24 // the nonce precedes the box
)

// Texts that other programs compare are spelled as they always were.
var (
	errKeys      = errors.New("a public key and a private key of length 32 must both be provided")
	errRecipient = errors.New("recepient's public key must be provided")
	errSender    = errors.New("sender's public key bust be provided")
	errDecrypt   = errors.New("incoming message couldn't be verified / decrypted")
)

// NewSecrets returns secrets without keys: they are taken from the options,
// those given here and to Init, by Init.
func NewSecrets(opts ...secrets.Option) secrets.Secrets {
	b := &boxes{}
	options.To(&b.options, opts)
	return b
}

type boxes struct {
	mu      sync.RWMutex
	options secrets.Options
	private *[keyLength]byte // nil before Init
}

func (b *boxes) String() string { return "nacl-box" }

func (b *boxes) Options() secrets.Options {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.options
}

func (b *boxes) Init(opts ...secrets.Option) error {
	options := options.With(b.Options(), opts)
	if len(options.PrivateKey) != keyLength || len(options.PublicKey) != keyLength {
		return errKeys
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.options = options
	b.private = (*[keyLength]byte)(append([]byte(nil), options.PrivateKey...))
	return nil
}

func (b *boxes) current() (*[keyLength]byte, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.private == nil {
		return nil, fmt.Errorf("%w: call Init with them", errKeys)
	}
	return b.private, nil
}

// Encrypt needs the option RecipientPublicKey.
func (b *boxes) Encrypt(in []byte, opts ...secrets.EncryptOption) ([]byte, error) {
	private, err := b.current()
	if err != nil {
		return nil, err
	}
	options := options.Of(opts)
	if len(options.RecipientPublicKey) != keyLength {
		return nil, errRecipient
	}
	var nonce [nonceLength]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, fmt.Errorf("couldn't obtain a random nonce from crypto/rand: %w", err)
	}
	return box.Seal(nonce[:], in, &nonce, (*[keyLength]byte)(options.RecipientPublicKey), private), nil
}

// Decrypt needs the option SenderPublicKey.
func (b *boxes) Decrypt(in []byte, opts ...secrets.DecryptOption) ([]byte, error) {
	private, err := b.current()
	if err != nil {
		return nil, err
	}
	options := options.Of(opts)
	if len(options.SenderPublicKey) != keyLength {
		return nil, errSender
	}
	if len(in) < nonceLength {
		return nil, errDecrypt
	}
	out, ok := box.Open(nil, in[nonceLength:], (*[nonceLength]byte)(in), (*[keyLength]byte)(options.SenderPublicKey), private)
	if !ok {
		return nil, errDecrypt
	}
	return out, nil
}
