package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/authtest"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/auth/jwt/token"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func encode(signer crypto.Signer, err error) (private, public string) {
	if err != nil {
		panic(err)
	}
	priv, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		panic(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: priv})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))
}

func newKey() (private, public string) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return encode(key, err)
}

var private, public = newKey()

// fast is an Auth with the key of this process.
func fast(opts ...auth.Option) auth.Auth {
	return jwt.NewAuth(append([]auth.Option{auth.PrivateKey(private)}, opts...)...)
}

func TestConformance(t *testing.T) {
	ed, _ := newKey()
	ec, _ := encode(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	r, _ := encode(rsa.GenerateKey(rand.Reader, 2048))
	for name, key := range map[string]string{"RS256": r, "ES256": ec, "EdDSA": ed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // one rule waits until a token has expired
			authtest.Run(t, authtest.Harness{New: func(_ testing.TB, opts ...auth.Option) auth.Auth {
				return jwt.NewAuth(append(opts, auth.PrivateKey(key))...)
			}})
		})
	}
	t.Run("rules", func(t *testing.T) {
		authtest.RunRules(t, authtest.RulesHarness{New: func(testing.TB) auth.Rules { return jwt.NewRules() }})
	})
}

func TestItIsKnownToTheCommandLine(t *testing.T) {
	if a := cmd.DefaultAuths["jwt"]; a == nil || a().String() != "jwt" {
		t.Error("--auth jwt would not be")
	}
}

// accountOf generates an account and a token for it.
func accountOf(t testing.TB, a auth.Auth, opts ...auth.GenerateOption) (*auth.Account, *auth.Token) {
	t.Helper()
	acc, err := a.Generate("ada", opts...)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := a.Token(auth.WithCredentials(acc.ID, acc.Secret), auth.WithExpiry(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return acc, tok
}

func TestAPublicKeyIsEnoughToInspect(t *testing.T) {
	_, tok := accountOf(t, fast(auth.Namespace("shop")), auth.WithScopes("admin"))
	a := jwt.NewAuth(auth.PublicKey(public))
	acc, err := a.Inspect(tok.AccessToken)
	if err != nil || acc.ID != "ada" || acc.Issuer != "shop" {
		t.Errorf("got %+v, %v", acc, err)
	}
	if _, err := a.Generate("eve"); !errors.Is(err, token.ErrEncodingToken) {
		t.Errorf("without a private key an account was generated: %v", err)
	}
}

func TestTokensOfAnotherIssuerAreRefused(t *testing.T) {
	acc, tok := accountOf(t, fast(auth.Namespace("shop")))
	a := fast(auth.Namespace("bank"))
	if _, err := a.Inspect(tok.AccessToken); err != auth.ErrInvalidToken {
		t.Errorf("inspect: %v", err)
	}
	if _, err := a.Token(auth.WithCredentials(acc.ID, acc.Secret)); err != auth.ErrInvalidToken {
		t.Errorf("credentials: %v", err)
	}
	if _, err := a.Token(auth.WithToken(tok.RefreshToken)); err != auth.ErrInvalidToken {
		t.Errorf("refresh: %v", err)
	}
	a.Init(auth.Namespace("shop"))
	if _, err := a.Inspect(tok.AccessToken); err != nil {
		t.Errorf("after Init: %v", err)
	}
	a.Init(auth.Namespace("bank")) // now it is remembered
	if _, err := a.Inspect(tok.AccessToken); err != auth.ErrInvalidToken {
		t.Errorf("after another Init: %v", err)
	}
}

func TestASecretOpensItsOwnAccountAlone(t *testing.T) {
	a := fast()
	acc, tok := accountOf(t, a)
	for name, opts := range map[string][]auth.TokenOption{
		"another id":          {auth.WithCredentials("root", acc.Secret)},
		"no id":               {auth.WithCredentials("", acc.Secret)},
		"nothing":             nil,
		"an access token":     {auth.WithCredentials(acc.ID, tok.AccessToken)},
		"a refresh token":     {auth.WithCredentials(acc.ID, tok.RefreshToken)},
		"refresh with access": {auth.WithToken(tok.AccessToken)},
		"refresh with secret": {auth.WithToken(acc.Secret)},
	} {
		if got, err := a.Token(opts...); err != auth.ErrInvalidToken {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for name, other := range map[string]string{"secret": acc.Secret, "refresh token": tok.RefreshToken} {
		if _, err := a.Inspect(other); err != auth.ErrInvalidToken {
			t.Errorf("the %s opens services: %v", name, err)
		}
	}
}

func TestASecretOutlivesItsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fast()
		acc, tok := accountOf(t, a)
		if _, err := a.Inspect(tok.AccessToken); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour + time.Second)
		if _, err := a.Inspect(tok.AccessToken); err != auth.ErrInvalidToken {
			t.Errorf("the token is still accepted: %v", err)
		}
		time.Sleep(365 * 24 * time.Hour)
		if _, err := a.Token(auth.WithCredentials(acc.ID, acc.Secret)); err != nil {
			t.Error(err)
		}
	})
}

func TestARefreshTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fast()
		_, tok := accountOf(t, a)
		time.Sleep(2*time.Hour + time.Second)
		if _, err := a.Token(auth.WithToken(tok.RefreshToken)); err != auth.ErrInvalidToken {
			t.Error(err)
		}
	})
}

func TestAChosenSecretIsKeptAsAHash(t *testing.T) {
	s := store.NewMemoryStore()
	a := jwt.NewStoreAuth(s, auth.PrivateKey(private), auth.Namespace("a/b"))
	const secret = "correct horse battery staple"
	acc, tok := accountOf(t, a, auth.WithSecret(secret), auth.WithScopes("dev"))
	if acc.Secret != secret {
		t.Errorf("the secret is %q", acc.Secret)
	}
	records, err := s.Read("auth/accounts/", store.ReadPrefix())
	if err != nil || len(records) != 1 || strings.Contains(string(records[0].Value), secret) {
		t.Fatalf("stored are %d records, %v", len(records), err)
	}
	for name, wrong := range map[string][]auth.TokenOption{
		"wrong secret": {auth.WithCredentials("ada", secret+"!")},
		"wrong id":     {auth.WithCredentials("eve", secret)},
	} {
		if _, err := a.Token(wrong...); err != auth.ErrInvalidToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := jwt.NewStoreAuth(s, auth.PrivateKey(private), auth.Namespace("a"))
	if _, err := other.Token(auth.WithCredentials("b/ada", secret)); err != auth.ErrInvalidToken {
		t.Errorf("in another namespace: %v", err)
	}

	// Another process with the same store takes scopes away.
	changed := strings.Replace(string(records[0].Value), `"dev"`, `"ops"`, 1)
	if err := s.Write(&store.Record{Key: records[0].Key, Value: []byte(changed)}); err != nil {
		t.Fatal(err)
	}
	next, err := a.Token(auth.WithToken(tok.RefreshToken))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Inspect(next.AccessToken); err != nil || !slices.Equal(got.Scopes, []string{"ops"}) {
		t.Errorf("refreshed it is %+v, %v", got, err)
	}
	if _, err := a.Token(auth.WithToken(next.RefreshToken)); err != nil {
		t.Errorf("refreshed again: %v", err)
	}
}

func TestARefreshTokenEndsWithTheSecretItGoesBackTo(t *testing.T) {
	for name, change := range map[string]func(a auth.Auth, s store.Store) error{
		"another secret": func(a auth.Auth, _ store.Store) error {
			_, err := a.Generate("ada", auth.WithSecret("new"))
			return err
		},
		"the same secret, set again": func(a auth.Auth, _ store.Store) error {
			_, err := a.Generate("ada", auth.WithSecret("old"))
			return err
		},
		"a removed account": func(_ auth.Auth, s store.Store) error { return s.Delete("auth/accounts//ada") },
	} {
		t.Run(name, func(t *testing.T) {
			s := store.NewMemoryStore()
			a := jwt.NewStoreAuth(s, auth.PrivateKey(private))
			_, tok := accountOf(t, a, auth.WithSecret("old"))
			next, err := a.Token(auth.WithToken(tok.RefreshToken))
			if err == nil {
				err = change(a, s)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, old := range []*auth.Token{tok, next} {
				if got, err := a.Token(auth.WithToken(old.RefreshToken)); err != auth.ErrInvalidToken {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		})
	}
}

func TestAnAccountThatGetsAStoredSecretIsRefreshedWithThatAlone(t *testing.T) {
	a := fast()
	_, tok := accountOf(t, a) // its secret is a token
	accountOf(t, a, auth.WithSecret("chosen"))
	if got, err := a.Token(auth.WithToken(tok.RefreshToken)); err != auth.ErrInvalidToken {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestARecordThatIsNotSoundOpensNothing(t *testing.T) {
	s := store.NewMemoryStore()
	a := jwt.NewStoreAuth(s, auth.PrivateKey(private))
	for _, value := range []string{"", "null", "{}", `{"account":{"id":"ada"},"hash":{"argon2id":"","time":1,"threads":1}}`,
		`{"account":{"id":"ada"},"hash":{"argon2id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","time":1,"memory":4294967295,"threads":1}}`} {
		if err := s.Write(&store.Record{Key: "auth/accounts//ada", Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if got, err := a.Token(auth.WithCredentials("ada", "secret")); err == nil {
			t.Errorf("%s: got %+v", value, got)
		}
	}
}

func TestAnAccountNeedsAnID(t *testing.T) {
	if acc, err := fast().Generate(""); err == nil {
		t.Errorf("got %+v", acc)
	}
}

func TestAccountsAreTheCallersOwn(t *testing.T) {
	a := fast()
	_, tok := accountOf(t, a, auth.WithScopes("dev"), auth.WithMetadata(map[string]string{"team": "blue"}))
	for range 3 { // the first time it is verified, then remembered
		acc, err := a.Inspect(tok.AccessToken)
		if err != nil || !slices.Equal(acc.Scopes, []string{"dev"}) || acc.Metadata["team"] != "blue" {
			t.Fatalf("got %+v, %v", acc, err)
		}
		acc.Scopes[0], acc.Metadata["team"] = "admin", "red"
	}
}

func TestOtherKeysForgetWhatTheOldOnesVerified(t *testing.T) {
	a := fast()
	_, tok := accountOf(t, a)
	if _, err := a.Inspect(tok.AccessToken); err != nil {
		t.Fatal(err)
	}
	other, _ := newKey()
	a.Init(auth.PrivateKey(other))
	if _, err := a.Inspect(tok.AccessToken); err != auth.ErrInvalidToken {
		t.Errorf("got %v", err)
	}
}

func TestManyTokensAreEachOfTheirOwnAccount(t *testing.T) {
	a := fast()
	first := ""
	for i := range 300 {
		acc := &auth.Account{ID: fmt.Sprint(i)}
		tok, err := token.New(token.WithPrivateKey(private)).Generate(acc)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = tok.Token
		}
		if got, err := a.Inspect(tok.Token); err != nil || got.ID != acc.ID {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if got, err := a.Inspect(first); err != nil || got.ID != "0" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// lines is a logger that keeps its lines.
type lines struct {
	logger.Logger
	mu   sync.Mutex
	text string
}

func (l *lines) Logf(_ logger.Level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += fmt.Sprintf(format, args...) + "\n"
}

func TestAKeyThatCannotBeUsedIsLogged(t *testing.T) {
	log := new(lines)
	a := jwt.NewAuth(auth.WithLogger(log), auth.PublicKey("c2VjcmV0IGtleQ=="))
	if !strings.Contains(log.text, "public key") || strings.Contains(log.text, "c2VjcmV0IGtleQ") || strings.Contains(log.text, "secret key") {
		t.Errorf("the log is %q", log.text)
	}
	if _, err := a.Inspect("x"); err != auth.ErrInvalidToken {
		t.Errorf("got %v", err)
	}
}

func TestInitIsSafeWhileInUse(t *testing.T) {
	a := fast()
	_, tok := accountOf(t, a)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				a.Init(auth.ClientToken(tok))
				if _, err := a.Inspect(tok.AccessToken); err != nil {
					t.Error(err)
				}
				_ = a.Options()
			}
		})
	}
	all.Wait()
}

func BenchmarkInspect(b *testing.B) {
	r, _ := encode(rsa.GenerateKey(rand.Reader, 2048))
	ec, _ := encode(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	for name, key := range map[string]string{"RS256": r, "ES256": ec, "EdDSA": private} {
		a := jwt.NewAuth(auth.PrivateKey(key))
		_, tok := accountOf(b, a, auth.WithScopes("admin"))
		b.Run(name+"/cold", func(b *testing.B) {
			j := token.New(token.WithPrivateKey(key))
			for b.Loop() {
				if _, err := j.Inspect(tok.AccessToken); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/cached", func(b *testing.B) {
			for b.Loop() {
				if _, err := a.Inspect(tok.AccessToken); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
