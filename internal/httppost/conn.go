package httppost

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/dial"
	"github.com/justcy/go-micro/v4/internal/httpmsg"
	"github.com/justcy/go-micro/v4/internal/probe"
)

// maxInline is the largest body that is written before the reply is looked at.
// The reply to a larger one is read meanwhile: a peer that refuses it may
// answer, and stop reading, at any point.
const maxInline = 64 << 10

// peer is whom a connection is to.
type peer struct {
	addr   string
	secure bool
}

// conn is a connection for one exchange at a time.
type conn struct {
	net.Conn
	raw    net.Conn // below TLS
	to     peer
	base   string // goes before the target of each request
	header string // goes with each request
	reader *httpmsg.Reader
	head   httpmsg.Head // of the last reply
	probe  *probe.Probe
	since  time.Time // when it became idle

	interrupting sync.WaitGroup // for interrupt, while an exchange may be
}

func (c *Client) newConn(to peer, secured, raw net.Conn, via *dial.Forwarder) *conn {
	n := &conn{Conn: secured, raw: raw, to: to, reader: httpmsg.NewReader(secured, nil), probe: probe.New(raw)}
	n.reader.MaxBody = c.MaxReply
	if via != nil {
		n.base, n.header = "http://"+to.addr, via.Header
	}
	return n
}

// interrupt ends an exchange.
func (c *conn) interrupt() {
	defer c.interrupting.Done()
	c.raw.Close()
}

// reusable reports whether another exchange can follow one whose request was
// sent as a whole.
func (c *conn) reusable(sent bool) bool { return sent && !c.head.Close && c.reader.Idle() }

// exchange writes a request and reads the reply.
func (c *conn) exchange(r *Request) (resp *Response, sent bool, err error) {
	var failed error
	if len(r.Body) <= maxInline {
		sent, failed = c.write(r)
		resp, err = c.read() // what the peer said before it stopped reading counts
	} else {
		var writing sync.WaitGroup
		writing.Go(func() { sent, failed = c.write(r) })
		if resp, err = c.read(); err != nil || c.head.Close {
			c.raw.Close() // else the peer reads on, however early its reply
		}
		writing.Wait()
	}
	if err != nil && failed != nil && !errors.Is(failed, net.ErrClosed) {
		err = failed
	}
	return resp, sent, err
}

func (c *conn) write(r *Request) (whole bool, err error) {
	head := httpmsg.GetBuffer()
	defer httpmsg.PutBuffer(head)
	*head = httpmsg.AppendPost(*head, c.base+r.Target, r.Addr, c.header+"Content-Type: "+r.ContentType+"\r\n", nil, len(r.Body))
	return httpmsg.Write(c.Conn, head, r.Body)
}

func (c *conn) read() (*Response, error) {
	if err := c.reader.ReadResponse(&c.head); err != nil {
		return nil, err
	}
	resp := &Response{Status: c.head.Status, Reason: c.head.StatusText, Header: c.head.Header}
	if c.head.Status == http.StatusSwitchingProtocols {
		c.head.Close = true // nobody asked for it
		return resp, nil
	}
	resp.Body, resp.Err = c.reader.ReadPrefix(&c.head)
	return resp, nil
}
