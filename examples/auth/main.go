// Auth shows accounts, tokens and rules: a service with an endpoint for everybody,
// one for accounts and one for some of them, and who is let in where.
//
//	go run ./examples/auth
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
)

// Shop is the service.
type Shop struct{}

// Item is what it is asked for, and Answer what it says.
type (
	Item   struct{ Name string }
	Answer struct{ Text string }
)

// Price is for everybody.
func (Shop) Price(_ context.Context, req *Item, rsp *Answer) error {
	rsp.Text = "a " + req.Name + " is 5"
	return nil
}

// Buy is for whoever has an account, which the context has.
func (Shop) Buy(ctx context.Context, req *Item, rsp *Answer) error {
	account, _ := auth.AccountFromContext(ctx)
	rsp.Text = account.ID + " bought a " + req.Name
	return nil
}

// Refill is for the staff.
func (Shop) Refill(ctx context.Context, req *Item, rsp *Answer) error {
	account, _ := auth.AccountFromContext(ctx)
	rsp.Text = account.ID + " brought more of " + req.Name
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "auth:", err)
		os.Exit(1)
	}
}

func run() error {
	private, public, err := keys()
	if err != nil {
		return err
	}
	// Whoever issues accounts has the private key.
	issuer := jwt.NewAuth(auth.Namespace("shop"), auth.PrivateKey(private))

	// A service needs the public one to verify its callers, and rules. These are
	// kept in the process; jwt.NewStoreRules keeps them in a store.
	rules := jwt.NewRules()
	endpoint := func(name string) *auth.Resource {
		return &auth.Resource{Type: "service", Name: "shop", Endpoint: name}
	}
	for _, rule := range []*auth.Rule{
		{ID: "customers", Scope: auth.ScopeAccount, Resource: endpoint("Shop.Buy")},
		{ID: "staff", Scope: "staff", Resource: endpoint("Shop.Refill")},
	} {
		if err := rules.Grant(rule); err != nil {
			return err
		}
	}
	// A handler may declare rules of its own.
	forEverybody := server.EndpointRules("Shop.Price", &auth.Rule{Scope: auth.ScopePublic})

	quiet := logger.NewLogger(logger.WithLevel(logger.WarnLevel))
	service := micro.NewService(
		micro.Name("shop"),
		micro.Logger(quiet),
		micro.Auth(jwt.NewAuth(auth.Namespace("shop"), auth.PublicKey(public), auth.WithLogger(quiet))),
		micro.AuthRules(rules),
	)
	service.Init()
	if err := micro.RegisterHandler(service.Server(), Shop{}, forEverybody); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	defer service.Server().Stop()
	return visit(micro.NewService(micro.Name("shop.client")), issuer)
}

// visit tries every endpoint as nobody, as a customer, and as one of the staff.
func visit(caller micro.Service, issuer auth.Auth) error {
	client := caller.Client()
	for _, who := range []struct {
		name   string
		scopes []string
	}{{"", nil}, {"carl", nil}, {"sue", []string{"staff"}}} {
		ctx := context.Background()
		if who.name != "" {
			token, err := tokenOf(issuer, who.name, who.scopes...)
			if err != nil {
				return err
			}
			ctx = metadata.Set(ctx, "Authorization", auth.BearerScheme+token.AccessToken)
		}
		for _, endpoint := range []string{"Shop.Price", "Shop.Buy", "Shop.Refill"} {
			rsp := new(Answer)
			err := client.Call(ctx, client.NewRequest("shop", endpoint, &Item{Name: "plum"}), rsp)
			if e, ok := errors.As(err); ok && (e.Code == 401 || e.Code == 403) {
				rsp.Text = fmt.Sprintf("refused, %d %s", e.Code, e.Status)
			} else if err != nil {
				return err
			}
			fmt.Printf("%-6s %-11s %s\n", "“"+who.name+"”", endpoint, rsp.Text)
		}
	}
	return nil
}

// tokenOf returns a token for a new account. A service would have its account by
// auth.Credentials and renew the token by itself.
func tokenOf(issuer auth.Auth, id string, scopes ...string) (*auth.Token, error) {
	account, err := issuer.Generate(id, auth.WithScopes(scopes...))
	if err != nil {
		return nil, err
	}
	return issuer.Token(auth.WithCredentials(account.ID, account.Secret), auth.WithExpiry(time.Hour))
}

// keys returns a new pair of keys in PEM. They are made once, for example with
// openssl genpkey -algorithm ed25519.
func keys() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	privDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return "", "", err
	}
	pubDER, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privDER})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pubDER})), nil
}
