// Config merges a file with the environment, reads values, and follows the file
// while it is edited.
//
//	go run ./examples/config
//	SHOP_SERVER_PORT=9090 go run ./examples/config
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/encoder/yaml"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/reader/json"
	"github.com/justcy/go-micro/v4/config/source/env"
	"github.com/justcy/go-micro/v4/config/source/file"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "config:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "config")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.yaml")
	if err := put(path, "server:\n  port: 8080\n  timeout: 5s\ngreeting: Hello ${SHOP_NAME}\n"); err != nil {
		return err
	}

	c, err := config.NewConfig(
		config.WithReader(json.NewReader(reader.WithEncoder(yaml.NewEncoder()))),
		config.WithSource(file.NewSource(file.WithPath(path))),
		config.WithSource(env.NewSource(env.WithStrippedPrefix("SHOP"))), // wins over the file
	)
	if err != nil {
		return err
	}
	defer c.Close()

	fmt.Println("port:", c.Get("server", "port").Int(80))
	fmt.Println("timeout:", c.Get("server", "timeout").Duration(time.Second))
	fmt.Println("retries:", c.Get("server", "retries").Int(3)) // in neither: the default
	return follow(c, path)
}

// follow waits for the greeting to change, which it does as the file is edited.
func follow(c config.Config, path string) error {
	greetings, err := c.Watch("greeting")
	if err != nil {
		return err
	}
	defer greetings.Stop()

	if err := put(path, "greeting: Good morning\n"); err != nil {
		return err
	}
	greeting, err := greetings.Next()
	if err != nil {
		return err
	}
	fmt.Println("greeting:", greeting.String("?"))
	return nil
}

// put replaces the file at once, so that nobody reads half of it.
func put(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
