//go:build unix

package wrapper_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/auth/jwt/token"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// processorTime is what the process has used of the processors, which others on
// the machine change less than the time that passes.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(b *testing.B, f func()) {
	before := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// cold is an Auth that remembers no token.
type cold struct {
	auth.Auth
	keys token.Provider
}

func (c cold) Inspect(t string) (*auth.Account, error) { return c.keys.Inspect(t) }

// BenchmarkAuthorisedCall is what AuthHandler adds to a call: with a token that was
// verified before, with one that was not, and, for the latter, the check of the
// signature alone by the standard library.
func BenchmarkAuthorisedCall(b *testing.B) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for name, signer := range map[string]crypto.Signer{"RS256": r, "ES256": ec, "EdDSA": ed} {
		der, err := x509.MarshalPKCS8PrivateKey(signer)
		if err != nil {
			b.Fatal(err)
		}
		key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		issuer := jwt.NewAuth(auth.PrivateKey(key))
		acc, err := issuer.Generate("ada", auth.WithScopes("admin"))
		if err != nil {
			b.Fatal(err)
		}
		tok, err := issuer.Token(auth.WithCredentials(acc.ID, acc.Secret), auth.WithExpiry(24*time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		rules := jwt.NewRules()
		if err := rules.Grant(rule("admin", "greeter", "Greeter.Hello")); err != nil {
			b.Fatal(err)
		}
		ctx := withMetadata("Authorization", "Bearer "+tok.AccessToken)
		call := func(a auth.Auth) func() {
			h := wrapper.AuthHandler(func() auth.Auth { return a }, rules)(func(context.Context, server.Request, any) error { return nil })
			return func() {
				if err := h(ctx, serverRequest{hello}, nil); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(name+"/remembered", func(b *testing.B) { measure(b, call(issuer)) })
		b.Run(name+"/cold", func(b *testing.B) { measure(b, call(cold{issuer, token.New(token.WithPrivateKey(key))})) })
		b.Run(name+"/signature", func(b *testing.B) { measure(b, checked(b, signer, tok.AccessToken)) })
	}
}

// checked checks the signature of a token with nothing but the standard library.
func checked(b *testing.B, signer crypto.Signer, token string) func() {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		b.Fatal(err)
	}
	signed := []byte(token[:end])
	verify := func() bool {
		switch key := signer.Public().(type) {
		case *rsa.PublicKey:
			digest := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		case *ecdsa.PublicKey:
			digest := sha256.Sum256(signed)
			half := len(signature) / 2
			return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]))
		case ed25519.PublicKey:
			return ed25519.Verify(key, signed, signature)
		}
		return false
	}
	return func() {
		if !verify() {
			b.Fatal("not verified")
		}
	}
}
