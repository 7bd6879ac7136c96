package secrets_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"

	"github.com/justcy/go-micro/v4/config/secrets"
	"github.com/justcy/go-micro/v4/config/secrets/box"
	"github.com/justcy/go-micro/v4/config/secrets/secretbox"
)

const (
	wrongKeys   = "a public key and a private key of length 32 must both be provided"
	noBox       = "incoming message couldn't be verified / decrypted"
	noSecretBox = "decryption failed (is the key set correctly?)"
)

var key = bytes.Repeat([]byte{7}, 32)

func pair(t testing.TB) (public, private []byte) {
	t.Helper()
	pub, priv, err := nacl.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub[:], priv[:]
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

func TestASecretboxOpensWhatItSealed(t *testing.T) {
	s := secretbox.NewSecrets(secrets.Key(key))
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	if s.String() != "nacl-secretbox" || !bytes.Equal(s.Options().Key, key) {
		t.Errorf("%s has %v", s, s.Options())
	}
	for _, text := range []string{"", "secret", strings.Repeat("long", 10000)} {
		sealed, err := s.Encrypt([]byte(text))
		if err != nil || len(sealed) != 24+16+len(text) {
			t.Fatalf("%d bytes, %v", len(sealed), err)
		}
		again, _ := s.Encrypt([]byte(text))
		if bytes.Equal(sealed, again) {
			t.Error("the nonce is not random")
		}
		if got, err := s.Decrypt(sealed); err != nil || string(got) != text {
			t.Errorf("decrypted %q, %v", got, err)
		}
		sealed[len(sealed)-1] ^= 1
		_, err = s.Decrypt(sealed)
		wantError(t, "a changed text", err, noSecretBox)
	}
}

func TestABoxOpensWhatItsPartnerSealed(t *testing.T) {
	alicePublic, alicePrivate := pair(t)
	bobPublic, bobPrivate := pair(t)
	alice := box.NewSecrets(secrets.PublicKey(alicePublic), secrets.PrivateKey(alicePrivate))
	bob := box.NewSecrets()
	if err := alice.Init(); err != nil {
		t.Fatal(err)
	}
	if err := bob.Init(secrets.PublicKey(bobPublic), secrets.PrivateKey(bobPrivate)); err != nil {
		t.Fatal(err)
	}
	sealed, err := alice.Encrypt([]byte("hello"), secrets.RecipientPublicKey(bobPublic))
	if err != nil || alice.String() != "nacl-box" {
		t.Fatal(err)
	}
	if got, err := bob.Decrypt(sealed, secrets.SenderPublicKey(alicePublic)); err != nil || string(got) != "hello" {
		t.Errorf("decrypted %q, %v", got, err)
	}
	_, err = bob.Decrypt(sealed, secrets.SenderPublicKey(bobPublic))
	wantError(t, "another sender", err, noBox)
	_, err = alice.Encrypt(nil)
	wantError(t, "no recipient", err, "recepient's public key must be provided")
	_, err = bob.Decrypt(sealed)
	wantError(t, "no sender", err, "sender's public key bust be provided")
}

func TestInitRefusesKeysOfTheWrongLength(t *testing.T) {
	wantError(t, "no key", secretbox.NewSecrets().Init(), "no secret key is defined")
	wantError(t, "a short key", secretbox.NewSecrets(secrets.Key(key[:31])).Init(), "secret key must be 32 bytes long")
	wantError(t, "no keys", box.NewSecrets().Init(), wrongKeys)
	wantError(t, "a public key alone", box.NewSecrets(secrets.PublicKey(key)).Init(), wrongKeys)
	wantError(t, "a long key", box.NewSecrets(secrets.PublicKey(key), secrets.PrivateKey(append(key, 1))).Init(), wrongKeys)
}

func TestNoKeyIsUsedBeforeInit(t *testing.T) {
	for _, s := range []secrets.Secrets{
		secretbox.NewSecrets(), secretbox.NewSecrets(secrets.Key(key)),
		box.NewSecrets(), box.NewSecrets(secrets.PublicKey(key), secrets.PrivateKey(key)),
	} {
		if _, err := s.Encrypt([]byte("x"), secrets.RecipientPublicKey(key)); err == nil {
			t.Errorf("%s encrypts before Init", s)
		}
		if _, err := s.Decrypt(make([]byte, 50), secrets.SenderPublicKey(key)); err == nil {
			t.Errorf("%s decrypts before Init", s)
		}
	}
}

func TestShortInputIsAnError(t *testing.T) {
	public, private := pair(t)
	b := box.NewSecrets(secrets.PublicKey(public), secrets.PrivateKey(private))
	s := secretbox.NewSecrets(secrets.Key(key))
	if b.Init() != nil || s.Init() != nil {
		t.Fatal("no keys")
	}
	for n := range 41 {
		_, err := b.Decrypt(make([]byte, n), secrets.SenderPublicKey(public))
		wantError(t, fmt.Sprint("box, ", n, " bytes"), err, noBox)
		_, err = s.Decrypt(make([]byte, n))
		wantError(t, fmt.Sprint("secretbox, ", n, " bytes"), err, noSecretBox)
	}
}

func TestARejectedInitKeepsTheKey(t *testing.T) {
	s := secretbox.NewSecrets()
	if err := s.Init(secrets.Key(key)); err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Encrypt([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Init(secrets.Key([]byte("short"))); err == nil {
		t.Error("a short key is taken")
	}
	if got, err := s.Decrypt(sealed); err != nil || string(got) != "x" || !bytes.Equal(s.Options().Key, key) {
		t.Errorf("decrypted %q, %v", got, err)
	}
}

func TestKeysAreCopied(t *testing.T) {
	mine := bytes.Clone(key)
	var o secrets.Options
	var e secrets.EncryptOptions
	var d secrets.DecryptOptions
	for _, option := range []secrets.Option{secrets.Key(mine), secrets.PublicKey(mine), secrets.PrivateKey(mine)} {
		option(&o)
	}
	secrets.RecipientPublicKey(mine)(&e)
	secrets.SenderPublicKey(mine)(&d)
	clear(mine)
	for name, got := range map[string][]byte{"key": o.Key, "public": o.PublicKey, "private": o.PrivateKey, "recipient": e.RecipientPublicKey, "sender": d.SenderPublicKey} {
		if !bytes.Equal(got, key) {
			t.Errorf("%s changed with the caller's slice", name)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	s := secretbox.NewSecrets(secrets.Key(key))
	if err := s.Init(); err != nil {
		f.Fatal(err)
	}
	sealed, _ := s.Encrypt([]byte("text"))
	f.Add(sealed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		if out, err := s.Decrypt(in); err != nil && out != nil {
			t.Errorf("a failure returned %q", out)
		}
	})
}

func Example() {
	s := secretbox.NewSecrets(secrets.Key([]byte("an example key of thirty-two byt")))
	if err := s.Init(); err != nil {
		fmt.Println(err)
		return
	}
	sealed, err := s.Encrypt([]byte("password"))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := s.Decrypt(sealed)
	fmt.Println(string(text), err)
	// Output: password <nil>
}
