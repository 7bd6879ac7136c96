package config_test

import (
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/env"
	"github.com/justcy/go-micro/v4/config/source/memory"
)

// The environment wins over the base, as it is loaded later.
func Example() {
	os.Setenv("SHOP_SERVER_PORT", "9090")
	defer os.Unsetenv("SHOP_SERVER_PORT")

	base := memory.NewSource(memory.WithJSON([]byte(`{"server": {"host": "localhost", "port": 8080}}`)))
	c, err := config.NewConfig(config.WithSource(base), config.WithSource(env.NewSource(env.WithStrippedPrefix("SHOP"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	fmt.Println(c.Get("server", "host").String("?"))
	fmt.Println(c.Get("server", "port").Int(80))
	fmt.Println(c.Get("server", "timeout").String("5s"))
	// Output:
	// localhost
	// 9090
	// 5s
}

// A watcher is told the new value when a source changes.
func ExampleConfig_Watch() {
	src := memory.NewSource(memory.WithJSON([]byte(`{"level": "info"}`)))
	c, err := config.NewConfig(config.WithSource(src))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	w, err := c.Watch("level")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = src.Write(&source.ChangeSet{Data: []byte(`{"level": "debug"}`), Format: "json"})
	level, err := w.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(level.String("info"))
	// Output: debug
}
