// Package secrets is the interface to encryption of single values, such as
// passwords that are kept in a file with the rest of the configuration.
//
// There are two implementations: secrets/secretbox, where one key both encrypts
// and decrypts, and secrets/box, where everybody has a private and a public
// key. Package config/source/sealed decrypts values of a source when they are
// read.
package secrets

import "context"

// Secrets encrypts and decrypts. Its methods may be called concurrently.
type Secrets interface {
	// Init takes the keys from the options given here and before. When it
	// fails, the keys that were in use stay.
	Init(...Option) error
	// Options returns the current options.
	Options() Options
	// Encrypt returns the encrypted text. It fails before a successful Init.
	Encrypt([]byte, ...EncryptOption) ([]byte, error)
	// Decrypt returns the text that was encrypted. It fails if the text was
	// changed since, was encrypted with another key, and before a successful
	// Init.
	Decrypt([]byte, ...DecryptOption) ([]byte, error)
	// String names the implementation.
	String() string
}

// Options of Secrets. They take effect in Init.
type Options struct {
	// Key that encrypts and decrypts, where there is one for both.
	Key []byte
	// PrivateKey is our own; it decrypts, and signs what we encrypt.
	PrivateKey []byte
	// PublicKey is our own, for others to encrypt with.
	PublicKey []byte
	// Context holds the options of one implementation.
	Context context.Context
}

// Option changes Options.
type Option func(*Options)

// Key sets the key. It is copied.
func Key(k []byte) Option {
	k = copied(k)
	return func(o *Options) { o.Key = k }
}

// PublicKey sets our public key. It is copied.
func PublicKey(key []byte) Option {
	key = copied(key)
	return func(o *Options) { o.PublicKey = key }
}

// PrivateKey sets our private key. It is copied.
func PrivateKey(key []byte) Option {
	key = copied(key)
	return func(o *Options) { o.PrivateKey = key }
}

// DecryptOptions of one call of Decrypt.
type DecryptOptions struct {
	// SenderPublicKey is that of who encrypted the text.
	SenderPublicKey []byte
}

// DecryptOption changes DecryptOptions.
type DecryptOption func(*DecryptOptions)

// SenderPublicKey sets the sender's public key. It is copied.
func SenderPublicKey(key []byte) DecryptOption {
	key = copied(key)
	return func(d *DecryptOptions) { d.SenderPublicKey = key }
}

// EncryptOptions of one call of Encrypt.
type EncryptOptions struct {
	// RecipientPublicKey is that of who is to decrypt the text.
	RecipientPublicKey []byte
}

// EncryptOption changes EncryptOptions.
type EncryptOption func(*EncryptOptions)

// RecipientPublicKey sets the recipient's public key. It is copied.
func RecipientPublicKey(key []byte) EncryptOption {
	key = copied(key)
	return func(e *EncryptOptions) { e.RecipientPublicKey = key }
}

func copied(key []byte) []byte { return append([]byte(nil), key...) }
