package auth

import "context"

type accountKey struct{}

// AccountFromContext returns the account ContextWithAccount put into the
// context, and whether there was one.
func AccountFromContext(ctx context.Context) (*Account, bool) {
	acc, ok := ctx.Value(accountKey{}).(*Account)
	return acc, ok
}

// ContextWithAccount returns a context that carries the account.
func ContextWithAccount(ctx context.Context, account *Account) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}
