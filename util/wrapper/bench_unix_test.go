//go:build unix

package wrapper_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
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

// BenchmarkAuthorisedCall is what AuthHandler adds to a call with a token that was
// verified before, beside the check of a signature, which the first call costs too.
func BenchmarkAuthorisedCall(b *testing.B) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, r, crypto.SHA256, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	edSignature := ed25519.Sign(ed, digest[:])
	for name, k := range map[string]struct {
		signer crypto.Signer
		verify func() bool
	}{
		"RS256": {r, func() bool { return rsa.VerifyPKCS1v15(&r.PublicKey, crypto.SHA256, digest[:], signature) == nil }},
		"EdDSA": {ed, func() bool { return ed25519.Verify(ed.Public().(ed25519.PublicKey), digest[:], edSignature) }},
	} {
		der, err := x509.MarshalPKCS8PrivateKey(k.signer)
		if err != nil {
			b.Fatal(err)
		}
		key := auth.PrivateKey(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		issuer := jwt.NewAuth(key)
		acc, err := issuer.Generate("ada", auth.WithScopes("admin"))
		if err != nil {
			b.Fatal(err)
		}
		token, err := issuer.Token(auth.WithCredentials(acc.ID, acc.Secret), auth.WithExpiry(24*time.Hour))
		if err != nil {
			b.Fatal(err)
		}
		rules := jwt.NewRules()
		if err := rules.Grant(rule("admin", "greeter", "Greeter.Hello")); err != nil {
			b.Fatal(err)
		}
		ctx := withMetadata("Authorization", "Bearer "+token.AccessToken)
		h := wrapper.AuthHandler(func() auth.Auth { return issuer }, rules)(func(context.Context, server.Request, any) error { return nil })
		call := func() {
			if err := h(ctx, serverRequest{hello}, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name+"/remembered", func(b *testing.B) { measure(b, call) })
		b.Run(name+"/signature", func(b *testing.B) {
			measure(b, func() {
				if !k.verify() {
					b.Fatal("not verified")
				}
			})
		})
	}
}
