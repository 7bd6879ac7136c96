// Package challenge is the interface to what proves to an authority that a name is
// ours. Its Provider has the methods of the one in
// github.com/go-acme/lego/v4/challenge, so that the providers there, for the
// records of many DNS services, are providers here.
package challenge

// Provider makes the answer to a challenge visible, and takes it away again.
type Provider interface {
	// Present makes the answer visible. It returns once it is.
	Present(domain, token, keyAuth string) error
	// CleanUp takes the answer away.
	CleanUp(domain, token, keyAuth string) error
}
