package natsjs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/logger"
)

// defaultTimeout is that of Options.Timeout.
const defaultTimeout = 5 * time.Second

// Options configure a stream.
type Options struct {
	// ClusterID names the cluster in errors. Default: micro.
	ClusterID string
	// ClientID names this client to the server's operator when there is no Name.
	// Default: a UUID.
	ClientID string
	// Address is the servers' URLs, or hosts and ports, with commas between them.
	// Default: nats://127.0.0.1:4222. A URL may hold a user and a password, or a
	// token.
	Address string
	// NkeyConfig proves who this client is by an NKey: the seed itself, or the path
	// of a file with a seed, or of a file with a JWT and a seed (.creds).
	NkeyConfig string
	// TLSConfig asks for TLS with it.
	TLSConfig *tls.Config
	// Logger is told what nobody waits for: events that cannot be decoded, and
	// asynchronous publishing that failed for good.
	Logger logger.Logger
	// SyncPublish makes Publish wait until the event is stored.
	SyncPublish bool
	// Name of the connection.
	Name string
	// DisableDurableStreams makes groups whose place the server forgets a minute
	// after their last consumer has left.
	DisableDurableStreams bool
	// Username and Password prove who this client is.
	Username string
	Password string
	// Timeout limits connecting, and how long Publish and Consume wait for a server
	// that is away. Default: 5 seconds.
	Timeout time.Duration
}

// Option changes Options.
type Option func(*Options)

// ClusterID sets the name of the cluster.
func ClusterID(id string) Option { return func(o *Options) { o.ClusterID = id } }

// ClientID sets the name of this client.
func ClientID(id string) Option { return func(o *Options) { o.ClientID = id } }

// Address sets the servers, with commas between them.
func Address(addr string) Option { return func(o *Options) { o.Address = addr } }

// NkeyConfig sets the seed of an NKey, or the path of a file with one or with
// credentials.
func NkeyConfig(seed string) Option { return func(o *Options) { o.NkeyConfig = seed } }

// TLSConfig sets the TLS configuration. It is cloned.
func TLSConfig(t *tls.Config) Option { return func(o *Options) { o.TLSConfig = t } }

// Logger sets the logger.
func Logger(log logger.Logger) Option { return func(o *Options) { o.Logger = log } }

// SynchronousPublish sets whether Publish waits until the event is stored. Without
// it Publish returns when the event is on its way.
func SynchronousPublish(sync bool) Option { return func(o *Options) { o.SyncPublish = sync } }

// Name sets the name of the connection.
func Name(name string) Option { return func(o *Options) { o.Name = name } }

// DisableDurableStreams makes groups that do not last.
func DisableDurableStreams() Option { return func(o *Options) { o.DisableDurableStreams = true } }

// Authenticate sets user and password.
func Authenticate(username, password string) Option {
	return func(o *Options) { o.Username, o.Password = username, password }
}

// Timeout limits connecting and the waiting for a server that is away.
func Timeout(d time.Duration) Option { return func(o *Options) { o.Timeout = d } }

// connection returns how to connect.
func (o *Options) connection(changed func()) (natsclient.Settings, error) {
	base := nats.GetDefaultOptions()
	base.Name, base.User, base.Password = o.Name, o.Username, o.Password
	if err := o.nkey(&base); err != nil {
		return natsclient.Settings{}, err
	}
	return natsclient.Settings{
		Base: &base, Addrs: []string{o.Address}, TLSConfig: o.TLSConfig, Name: "go-micro events " + o.ClientID,
		Timeout: o.Timeout, Logger: o.Logger, Changed: changed,
	}, nil
}

// nkey adds the key of NkeyConfig.
func (o *Options) nkey(to *nats.Options) error {
	text := strings.TrimSpace(o.NkeyConfig)
	switch {
	case text == "":
		return nil
	case nkeys.IsValidPublicKey(text):
		return errors.New("NkeyConfig is a public key: it must be the seed, or a file with it")
	case strings.HasPrefix(text, "S") && !strings.ContainsAny(text, `/\.`):
		pair, err := nkeys.FromSeed([]byte(text))
		if err != nil {
			return fmt.Errorf("NkeyConfig is no seed: %w", err)
		}
		if to.Nkey, err = pair.PublicKey(); err != nil {
			return fmt.Errorf("NkeyConfig is no seed: %w", err)
		}
		to.SignatureCB = pair.Sign
		return nil
	}
	content, err := os.ReadFile(text)
	if err != nil { // whose text would show a seed that was mistyped
		return fmt.Errorf("NkeyConfig is neither a seed nor a file that can be read: %w", errors.Unwrap(err))
	}
	if strings.Contains(string(content), "BEGIN NATS USER JWT") {
		return nats.UserCredentials(text)(to)
	}
	use, err := nats.NkeyOptionFromSeed(text)
	if err != nil {
		return fmt.Errorf("NkeyConfig: %w", err)
	}
	return use(to)
}
