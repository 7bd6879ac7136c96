// Package docker speaks to a Docker daemon through the docker program.
package docker

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/justcy/go-micro/v4/internal/child"
)

// Client runs the docker program. The zero Client runs the one on PATH against
// the daemon that it is configured for: DOCKER_HOST, the context in use, or the
// local socket.
type Client struct {
	// Path is the program; "docker" when empty.
	Path string
	// Host is the daemon, for instance unix:///var/run/docker.sock; the
	// configured one when empty.
	Host string
}

// Build builds the image called name from folder, which has a Dockerfile. What
// the build makes on its way is removed. The error has what docker said.
func (c *Client) Build(ctx context.Context, name, folder string) error {
	_, err := c.run(ctx, "build", "--rm", "--force-rm", "--tag", name, "--", folder)
	return err
}

// RemoveImage removes an image. One that is not there is no error.
func (c *Client) RemoveImage(ctx context.Context, name string) error {
	_, err := c.run(ctx, "image", "rm", "--", name)
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "no such image") {
		return nil
	}
	return err
}

func (c *Client) run(ctx context.Context, args ...string) (string, error) {
	path := "docker"
	var global []string
	if c != nil {
		if c.Path != "" {
			path = c.Path
		}
		if c.Host != "" {
			global = []string{"--host", c.Host}
		}
	}
	out, err := child.Combined(ctx, child.Spec{Path: path, Args: append(global, args...)})
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%w: install docker, or put it on PATH", err)
	case err != nil:
		return "", fmt.Errorf("docker %s: %w", args[0], err)
	}
	return out, nil
}
