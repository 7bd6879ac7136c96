package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt/token"
)

// pair is a key in the forms of options.
type pair struct {
	signer          crypto.Signer
	private, public string
}

func newPair(signer crypto.Signer, err error) pair {
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		panic(err)
	}
	return pair{signer, block("PRIVATE KEY", private), block("PUBLIC KEY", public)}
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

var (
	rsaPair = sync.OnceValue(func() pair { return newPair(rsa.GenerateKey(rand.Reader, 2048)) })
	ecPair  = sync.OnceValue(func() pair { return newPair(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edPair  = sync.OnceValue(func() pair { return newEd() })
)

func newEd() pair {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return newPair(key, err)
}

// eachKind runs f for a key of every kind.
func eachKind(t *testing.T, f func(t *testing.T, p pair, alg string)) {
	t.Run("RS256", func(t *testing.T) { f(t, rsaPair(), "RS256") })
	t.Run("ES256", func(t *testing.T) { f(t, ecPair(), "ES256") })
	t.Run("EdDSA", func(t *testing.T) { f(t, edPair(), "EdDSA") })
}

var ada = &auth.Account{
	ID: "ada", Type: "user", Issuer: "shop", Scopes: []string{"admin"}, Metadata: map[string]string{"team": "blue"}, Secret: "hidden",
}

func TestATokenIsInspectedAsItsAccount(t *testing.T) {
	eachKind(t, func(t *testing.T, p pair, alg string) {
		made, err := token.New(token.WithPrivateKey(p.private)).Generate(ada, token.WithExpiry(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		acc, err := token.New(token.WithPublicKey(p.public)).Inspect(made.Token)
		if err != nil {
			t.Fatal(err)
		}
		if acc.ID != "ada" || acc.Type != "user" || acc.Issuer != "shop" || acc.Secret != "" ||
			!slices.Equal(acc.Scopes, ada.Scopes) || !maps.Equal(acc.Metadata, ada.Metadata) {
			t.Errorf("got %+v", acc)
		}
		if head, _, _ := strings.Cut(made.Token, "."); !strings.Contains(decode(t, head), `"`+alg+`"`) {
			t.Errorf("the header is %s", decode(t, head))
		}
		if left := made.Expiry.Sub(made.Created); left > time.Hour || left < time.Hour-time.Second {
			t.Errorf("it lasts %v", left)
		}
	})
}

func decode(t *testing.T, segment string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The claims of go-micro v4's jwt plugin, which a peer of that version reads.
func TestClaimsAreThoseOfV4(t *testing.T) {
	made, err := token.New(token.WithPrivateKey(edPair().private)).Generate(ada)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(decode(t, strings.Split(made.Token, ".")[1])), &claims); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, []string{"exp", "iss", "metadata", "scopes", "sub", "type"}) {
		t.Errorf("claims are %v", got)
	}
	if claims["sub"] != "ada" || claims["iss"] != "shop" || claims["exp"] != float64(made.Expiry.Unix()) {
		t.Errorf("got %v", claims)
	}
	if left := made.Expiry.Sub(made.Created).Round(time.Minute); left != 15*time.Minute {
		t.Errorf("by default it lasts %v", left)
	}
}

func TestKeysAreTakenAsPEMAndInBase64(t *testing.T) {
	r, ok := rsaPair().signer.(*rsa.PrivateKey)
	e, ok2 := ecPair().signer.(*ecdsa.PrivateKey)
	if !ok || !ok2 {
		t.Fatal("keys of other types")
	}
	ec, err := x509.MarshalECPrivateKey(e)
	if err != nil {
		t.Fatal(err)
	}
	in64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) + "\n" }
	for name, keys := range map[string][2]string{
		"PKCS#8 and PKIX":  {rsaPair().private, rsaPair().public},
		"PKCS#1":           {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r)), block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&r.PublicKey))},
		"SEC 1":            {block("EC PRIVATE KEY", ec), ecPair().public},
		"base64":           {in64(rsaPair().private), in64(rsaPair().public)},
		"the private only": {edPair().private, ""},
		"after a rotation": {edPair().private, rsaPair().public + edPair().public},
	} {
		p := token.New(token.WithPrivateKey(keys[0]), token.WithPublicKey(keys[1]))
		made, err := p.Generate(ada)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := p.Inspect(made.Token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyThatCannotBeUsedSignsAndVerifiesNothing(t *testing.T) {
	small := newPair(rsa.GenerateKey(rand.Reader, 1024))
	p384 := newPair(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	good, err := token.New(token.WithPrivateKey(edPair().private)).Generate(ada)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][2]string{
		"garbage":       {"garbage!", "garbage!"},
		"short RSA":     {small.private, small.public},
		"other curve":   {p384.private, p384.public},
		"swapped":       {edPair().public, edPair().private},
		"truncated":     {edPair().private[:60], edPair().public[:60]},
		"two keys":      {edPair().private + ecPair().private, strings.Repeat(edPair().public, 9)},
		"base64 of nil": {"AAAA", "AAAA"},
	} {
		p := token.New(token.WithPrivateKey(keys[0]), token.WithPublicKey(keys[1]))
		if _, err := p.Generate(ada); !errors.Is(err, token.ErrEncodingToken) || leaks(err, keys[0]) {
			t.Errorf("%s: generate returned %v", name, err)
		}
		if _, err := p.Inspect(good.Token); err != token.ErrInvalidToken {
			t.Errorf("%s: inspect returned %v", name, err)
		}
		if p.(*token.JWT).Err() == nil {
			t.Errorf("%s: Err is nil", name)
		}
	}
	if _, err := token.New(token.WithPublicKey(edPair().public)).Generate(ada); !errors.Is(err, token.ErrEncodingToken) {
		t.Errorf("without a private key generate returned %v", err)
	}
	if _, err := token.New(token.WithPrivateKey(edPair().private)).Generate(nil); !errors.Is(err, token.ErrEncodingToken) {
		t.Errorf("of no account generate returned %v", err)
	}
}

// leaks reports whether an error quotes a piece of a key.
func leaks(err error, key string) bool {
	for line := range strings.Lines(key) {
		if line = strings.TrimSpace(line); len(line) > 16 && !strings.HasPrefix(line, "---") && strings.Contains(err.Error(), line) {
			return true
		}
	}
	return false
}

// sign makes a token with claims of the test's choice.
func sign(t testing.TB, m jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(m, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// extended makes a token with an extension that one must understand.
func extended(t testing.TB, key any, claims jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	tok.Header["crit"] = []string{"b64"}
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func in(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func TestBadTokensAreRefused(t *testing.T) {
	claims := jwt.MapClaims{"sub": "ada", "exp": in(time.Hour)}
	with := func(name string, value any) jwt.MapClaims {
		c := maps.Clone(claims)
		c[name] = value
		return c
	}
	without := maps.Clone(claims)
	delete(without, "exp")
	r := rsaPair()
	good := sign(t, jwt.SigningMethodRS256, r.signer, claims)
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, bad := range map[string]string{
		"empty":                      "",
		"garbage":                    "garbage",
		"of dots":                    "..",
		"alg none":                   sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims),
		"alg None":                   raw(`{"alg":"None"}`) + "." + body + ".",
		"no alg":                     raw(`{}`) + "." + rest,
		"alg of another type":        raw(`{"alg":["RS256"]}`) + "." + rest,
		"HMAC with the public key":   sign(t, jwt.SigningMethodHS256, []byte(r.public), claims),
		"RS512":                      sign(t, jwt.SigningMethodRS512, r.signer, claims),
		"PS256":                      sign(t, jwt.SigningMethodPS256, r.signer, claims),
		"another kind of key":        sign(t, jwt.SigningMethodEdDSA, edPair().signer, claims),
		"another key":                sign(t, jwt.SigningMethodRS256, newPair(rsa.GenerateKey(rand.Reader, 2048)).signer, claims),
		"truncated":                  good[:len(good)-10],
		"without signature":          head + "." + body + ".",
		"with a fourth segment":      good + ".x",
		"other claims":               head + "." + raw(`{"sub":"root","exp":99999999999}`) + "." + signature,
		"expired":                    sign(t, jwt.SigningMethodRS256, r.signer, with("exp", in(-2*time.Second))),
		"without expiry":             sign(t, jwt.SigningMethodRS256, r.signer, without),
		"expiry that is text":        sign(t, jwt.SigningMethodRS256, r.signer, with("exp", "never")),
		"not valid yet":              sign(t, jwt.SigningMethodRS256, r.signer, with("nbf", in(time.Minute))),
		"issued in the future":       sign(t, jwt.SigningMethodRS256, r.signer, with("iat", in(time.Minute))),
		"for refreshing":             sign(t, jwt.SigningMethodRS256, r.signer, with("use", "refresh")),
		"scopes that are no list":    sign(t, jwt.SigningMethodRS256, r.signer, with("scopes", "admin")),
		"with unknown extensions":    extended(t, r.signer, claims),
		"with the scheme in front":   "Bearer " + good,
		"with a space":               " " + good,
		"larger than any that is ok": sign(t, jwt.SigningMethodRS256, r.signer, with("x", strings.Repeat("x", 20<<10))),
	} {
		if acc, err := token.New(token.WithPublicKey(r.public)).Inspect(bad); err != token.ErrInvalidToken {
			t.Errorf("%s: got %+v, %v", name, acc, err)
		}
	}
}

func TestClocksMayDifferByAFewSeconds(t *testing.T) {
	made := sign(t, jwt.SigningMethodEdDSA, edPair().signer, jwt.MapClaims{
		"sub": "ada", "exp": in(time.Hour), "nbf": in(5 * time.Second), "iat": in(5 * time.Second)})
	if _, err := token.New(token.WithPublicKey(edPair().public)).Inspect(made); err != nil {
		t.Error(err)
	}
}

// As tokens of other issuers have it, which name their key.
func TestAHeaderMaySayMore(t *testing.T) {
	eachKind(t, func(t *testing.T, p pair, alg string) {
		tok := jwt.NewWithClaims(jwt.GetSigningMethod(alg), jwt.MapClaims{"sub": "ada", "exp": in(time.Hour)})
		tok.Header["kid"] = "1"
		text, err := tok.SignedString(p.signer)
		if err != nil {
			t.Fatal(err)
		}
		if acc, err := token.New(token.WithPublicKey(p.public)).Inspect(text); err != nil || acc.ID != "ada" {
			t.Errorf("got %+v, %v", acc, err)
		}
	})
}

func TestATokenIsGoodForOneUse(t *testing.T) {
	j := token.New(token.WithPrivateKey(edPair().private)).(*token.JWT)
	for _, made := range []token.Use{token.Access, token.Refresh, token.Secret} {
		tok, err := j.Generate(ada, token.WithUse(made))
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range []token.Use{token.Access, token.Refresh, token.Secret} {
			if _, err := j.InspectAs(tok.Token, use); (err == nil) != (made == use) {
				t.Errorf("made for %q, used for %q: %v", made, use, err)
			}
		}
	}
}

func TestATokenThatNobodyWouldTakeIsNotMade(t *testing.T) {
	big := &auth.Account{ID: "ada", Metadata: map[string]string{"x": strings.Repeat("x", 16<<10)}}
	if _, err := token.New(token.WithPrivateKey(edPair().private)).Generate(big); !errors.Is(err, token.ErrEncodingToken) {
		t.Errorf("got %v", err)
	}
}

func FuzzInspect(f *testing.F) {
	p := token.New(token.WithPublicKey(edPair().public), token.WithPrivateKey(edPair().private))
	good, err := p.Generate(ada, token.WithExpiry(24*time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.")
	f.Add("eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJleHAiOjFlOTl9.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		if acc, err := p.Inspect(text); err == nil {
			t.Errorf("%q is %+v", text, acc)
		}
		// Whatever the signature of a real token is replaced by, it is not one.
		signed := good.Token[:strings.LastIndexByte(good.Token, '.')+1]
		if want, _ := base64.RawURLEncoding.DecodeString(good.Token[len(signed):]); text != "" {
			got, err := base64.RawURLEncoding.DecodeString(text)
			if acc, refused := p.Inspect(signed + text); refused == nil && (err != nil || string(got) != string(want)) {
				t.Errorf("signature %q is taken for that of %+v", text, acc)
			}
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n")
	f.Add("LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0=")
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := token.New(token.WithPublicKey(text), token.WithPrivateKey(text))
		if _, err := p.Inspect("a.b.c"); err != token.ErrInvalidToken {
			t.Error(err)
		}
	})
}
