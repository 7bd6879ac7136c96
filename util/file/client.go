package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/justcy/go-micro/v4/client"
	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
	proto "github.com/justcy/go-micro/v4/util/file/proto"
)

// fileClient sends the calls of a session to the node that opened it, because
// no other node knows the session.
type fileClient struct {
	service proto.FileService

	mu    sync.Mutex
	nodes map[int64]string // addresses by session
}

// witness is a call option that keeps the address of the node which answers.
func witness(address *string) client.CallOption {
	return client.WithCallWrapper(func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			err := next(ctx, node, req, rsp, opts)
			if err == nil {
				*address = node.Address
			}
			return err
		}
	})
}

// at returns the option for calls to one node, and none when it is not known.
func at(address string) []client.CallOption {
	if address == "" {
		return nil
	}
	return []client.CallOption{client.WithAddress(address)}
}

// of returns the options for calls of a session.
func (c *fileClient) of(session int64) []client.CallOption {
	c.mu.Lock()
	defer c.mu.Unlock()
	return at(c.nodes[session])
}

// drop forgets a session.
func (c *fileClient) drop(session int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.nodes, session)
}

// check forgets a session that its node does not know any more.
func (c *fileClient) check(session int64, err error) error {
	var e *merrors.Error
	if errors.As(err, &e) && e.Id == fileID && e.Detail == notOpen {
		c.drop(session)
	}
	return err
}

func (c *fileClient) Open(filename string, truncate bool) (int64, error) {
	return c.open(filename, truncate)
}

func (c *fileClient) open(filename string, truncate bool, opts ...client.CallOption) (int64, error) {
	var address string
	rsp, err := c.service.Open(context.Background(), &proto.OpenRequest{Filename: filename, Truncate: truncate}, append(opts, witness(&address))...)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[rsp.Id] = address
	return rsp.Id, nil
}

func (c *fileClient) Stat(filename string) (*proto.StatResponse, error) {
	return c.stat(filename)
}

func (c *fileClient) stat(filename string, opts ...client.CallOption) (*proto.StatResponse, error) {
	return c.service.Stat(context.Background(), &proto.StatRequest{Filename: filename}, opts...)
}

func (c *fileClient) GetBlock(sessionID, blockID int64) ([]byte, error) {
	if blockID < 0 || blockID > math.MaxInt64/BlockSize {
		return nil, fmt.Errorf("get block %d: there is no such block", blockID)
	}
	return c.ReadAt(sessionID, blockID*BlockSize, BlockSize)
}

func (c *fileClient) ReadAt(sessionID, offset, size int64) ([]byte, error) {
	if size < 0 {
		return nil, fmt.Errorf("read %d bytes: the size is negative", size)
	}
	data := make([]byte, 0, min(size, BlockSize))
	for {
		part, err := c.readBlock(sessionID, offset, min(size-int64(len(data)), BlockSize))
		data = append(data, part...)
		if err != nil || int64(len(data)) >= size {
			return data, err
		}
		offset += int64(len(part))
	}
}

// readBlock makes one call. Unless size is 0 it returns data or an error.
func (c *fileClient) readBlock(session, offset, size int64) ([]byte, error) {
	rsp, err := c.service.Read(context.Background(), &proto.ReadRequest{Id: session, Offset: offset, Size: size}, c.of(session)...)
	switch {
	case err != nil:
		return nil, c.check(session, err)
	case int64(len(rsp.Data)) > size:
		return nil, fmt.Errorf("read %d bytes at %d: the service answered with %d", size, offset, len(rsp.Data))
	case rsp.Eof:
		return rsp.Data, io.EOF
	case len(rsp.Data) == 0 && size > 0:
		return nil, fmt.Errorf("read %d bytes at %d: %w", size, offset, io.ErrNoProgress)
	}
	return rsp.Data, nil
}

func (c *fileClient) Read(sessionID int64, buf []byte) (int, error) {
	data, err := c.ReadAt(sessionID, 0, int64(len(buf)))
	return copy(buf, data), err
}

func (c *fileClient) Write(sessionID, offset int64, data []byte) error {
	for {
		part := data[:min(len(data), BlockSize)]
		_, err := c.service.Write(context.Background(), &proto.WriteRequest{Id: sessionID, Offset: offset, Data: part}, c.of(sessionID)...)
		if err != nil {
			return c.check(sessionID, err)
		}
		data, offset = data[len(part):], offset+int64(len(part))
		if len(data) == 0 {
			return nil
		}
	}
}

func (c *fileClient) Close(sessionID int64) error {
	_, err := c.service.Close(context.Background(), &proto.CloseRequest{Id: sessionID}, c.of(sessionID)...)
	if err == nil {
		c.drop(sessionID)
	}
	return err
}
