package file_test

import (
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/file"
)

func Example() {
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	reg := registry.NewMemoryRegistry()
	s := server.NewServer(server.Name("storage"), server.Address("127.0.0.1:0"),
		server.Registry(reg), server.Broker(broker.NewMemoryBroker()),
		server.WithLogger(logger.NewLogger(logger.WithLevel(logger.WarnLevel))))
	file.RegisterHandler(s, dir)
	if err := s.Start(); err != nil {
		log.Fatal(err)
	}
	defer s.Stop()

	local := filepath.Join(dir, "local.txt")
	if err := os.WriteFile(local, []byte("hello"), 0o600); err != nil {
		log.Fatal(err)
	}
	c := client.NewClient(client.Registry(reg))
	defer c.(io.Closer).Close()
	files := file.New("storage", c)
	fmt.Println(files.Upload(local, "greeting.txt"))
	info, err := files.Stat("greeting.txt")
	fmt.Println(info.GetType(), info.GetSize(), err)
	fmt.Println(files.Stat("../greeting.txt"))
	// Output:
	// <nil>
	// File 5 <nil>
	// <nil> {"id":"go.micro.srv.file","code":500,"detail":"stat \"../greeting.txt\": the name leads out of the folder","status":"Internal Server Error"}
}
