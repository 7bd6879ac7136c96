package jwt

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"golang.org/x/crypto/argon2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/store"
)

// accounts are those whose secret was chosen by somebody.
type accounts struct {
	store store.Store
}

// record is an account as the store has it, without its secret.
type record struct {
	Account auth.Account `json:"account"`
	Hash    hash         `json:"hash"`
}

// hash is what is kept of a secret: RFC 9106. The parameters are stored with it,
// so that they may change.
type hash struct {
	Salt    []byte `json:"salt"`
	Sum     []byte `json:"argon2id"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"` // in KiB
	Threads uint8  `json:"threads"`
}

// What a hash costs. The last limits what is taken from a store.
const (
	hashTime   = 2
	hashMemory = 19 << 10
	saltSize   = 16
	sumSize    = 32
	idSize     = 12
	maxMemory  = 1 << 20
	maxTime    = 64
)

// hashing limits the hashes that are computed at a time, each of which takes
// hashMemory.
var hashing = make(chan struct{}, 4)

func newHash(secret string) hash {
	h := hash{Salt: make([]byte, saltSize), Time: hashTime, Memory: hashMemory, Threads: 1}
	rand.Read(h.Salt) //nolint:errcheck // it never fails
	h.Sum = h.sum(secret)
	return h
}

func (h *hash) sum(secret string) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(secret), h.Salt, h.Time, h.Memory, h.Threads, sumSize)
}

func (h *hash) matches(secret string) bool {
	return subtle.ConstantTimeCompare(h.sum(secret), h.Sum) == 1
}

// id is another one for each secret that is set. It tells nothing of the secret.
func (h *hash) id() string {
	sum := sha256.Sum256(h.Salt)
	return base64.RawURLEncoding.EncodeToString(sum[:idSize])
}

func (h *hash) sound() bool {
	return h.Time >= 1 && h.Time <= maxTime && h.Threads >= 1 && h.Memory <= maxMemory &&
		len(h.Salt) >= saltSize && len(h.Sum) == sumSize
}

func (a accounts) write(acc *auth.Account) error {
	r := record{Account: *acc, Hash: newHash(acc.Secret)}
	r.Account.Secret = ""
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := a.store.Write(&store.Record{Key: key(acc.Issuer, acc.ID), Value: value}); err != nil {
		return fmt.Errorf("write to store %s: %w", a.store, err)
	}
	return nil
}

// read returns what is stored of an account, nil when that is nothing.
func (a accounts) read(issuer, id string) (*record, error) {
	records, err := a.store.Read(key(issuer, id))
	if errors.Is(err, store.ErrNotFound) || err == nil && len(records) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read account %q from store %s: %w", id, a.store, err)
	}
	r := new(record)
	if err := json.Unmarshal(records[0].Value, r); err != nil || !r.Hash.sound() || r.Account.ID != id {
		return nil, fmt.Errorf("read account %q from store %s: the record is not sound", id, a.store)
	}
	return r, nil
}

// authenticate returns the account that has this secret, and the id of the secret.
// It takes as long for an account that is not there.
func (a accounts) authenticate(issuer, id, secret string) (*auth.Account, string, error) {
	r, err := a.read(issuer, id)
	if err != nil {
		return nil, "", err
	}
	if r == nil {
		newHash(secret)
		return nil, "", auth.ErrInvalidToken
	}
	if !r.Hash.matches(secret) {
		return nil, "", auth.ErrInvalidToken
	}
	return &r.Account, r.Hash.id(), nil
}

// current returns an account as it is stored, if it still has the secret with this
// id. Without an id it is as it is given, and must not be stored.
func (a accounts) current(acc *auth.Account, secretID string) (*auth.Account, error) {
	r, err := a.read(acc.Issuer, acc.ID)
	switch {
	case err != nil:
		return nil, err
	case r == nil && secretID == "":
		return acc, nil
	case r == nil || r.Hash.id() != secretID:
		return nil, auth.ErrInvalidToken
	}
	return &r.Account, nil
}

func key(issuer, id string) string {
	return "auth/accounts/" + url.PathEscape(issuer) + "/" + url.PathEscape(id)
}
