// Program is a program that only makes calls: it never runs its service. It
// prints what it would have done after Init, which a test looks for.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// variants are options for programs of several kinds, by what PROGRAM says.
var variants = map[string]func() []micro.Option{
	"": func() []micro.Option { return nil },
	"handled": func() []micro.Option {
		return []micro.Option{micro.OnInitError(func(err error) {
			fmt.Println("told:", err, errors.Is(err, cmd.ErrAnswered))
		})}
	},
	"flag of the framework": func() []micro.Option {
		return []micro.Option{micro.Flags(&cli.StringFlag{Name: "registry"})}
	},
	"alias of help": func() []micro.Option {
		return []micro.Option{micro.Flags(&cli.StringFlag{Name: "host", Aliases: []string{"h"}})}
	},
	"alias of version": func() []micro.Option {
		return []micro.Option{micro.Flags(&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}})}
	},
	"action": func() []micro.Option {
		return []micro.Option{micro.Action(func(ctx *cli.Context) error {
			fmt.Println("arguments:", ctx.Args().Slice())
			switch ctx.Args().First() {
			case "fail":
				return errors.New("the action failed")
			case "status":
				return cli.Exit("no luck", 7)
			}
			return nil
		})}
	},
	"two services": func() []micro.Option {
		second := micro.NewService(micro.Name("second"), micro.Flags(&cli.StringFlag{Name: "second"}))
		return []micro.Option{micro.Flags(&cli.StringFlag{Name: "first"}), micro.AfterStart(second.Run)}
	},
	"commands": func() []micro.Option {
		c := cmd.NewCmd()
		c.App().Commands = []*cli.Command{{
			Name:   "migrate",
			Flags:  []cli.Flag{&cli.BoolFlag{Name: "dry"}},
			Action: func(ctx *cli.Context) error { fmt.Println("migrates, dry:", ctx.Bool("dry")); return nil },
		}}
		return []micro.Option{micro.Cmd(c)}
	},
}

func main() {
	opts := variants[os.Getenv("PROGRAM")]()
	service := micro.NewService(append(opts, micro.Name("orders"), micro.Version("1.2.3"))...)
	service.Init()
	if os.Getenv("PROGRAM") == "two services" {
		later := micro.NewService(micro.Name("later"))
		later.Init()
	}
	fmt.Println("places an order")
}
