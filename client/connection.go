package client

import (
	"sync"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pool"
)

// connection is what an attempt sends on: from the pool, or dialled for the
// attempt alone.
type connection struct {
	transport.Client
	pooled pool.Conn
	pool   pool.Pool
	once   sync.Once
}

// carrier returns the connection as one that carries headers without maps, nil
// when it cannot do that.
func (c *connection) carrier() wire.Carrier {
	if p, ok := c.pooled.(interface{ Carrier() wire.Carrier }); ok {
		return p.Carrier()
	}
	return nil
}

// Break ends what is done with the connection, and the connection.
func (c *connection) Break(err error, _ bool) { c.done(err) }

// done gives the connection back, or closes it if err is not nil or nobody
// else is to use it. Only the first call counts.
func (c *connection) done(err error) {
	c.once.Do(func() {
		if c.pool != nil {
			_ = c.pool.Release(c.pooled, err)
			return
		}
		_ = c.Client.Close()
	})
}
