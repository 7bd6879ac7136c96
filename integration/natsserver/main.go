// Command natsserver is a NATS server with JetStream in a process of its own, for
// tests that kill it. It ends with its standard input.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	port := flag.Int("port", 0, "to listen on, at 127.0.0.1")
	dir := flag.String("dir", "", "of JetStream's files")
	flag.Parse()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: *port, JetStream: true, StoreDir: *dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		log.Fatal("the server does not become ready")
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test is over, or has died
	s.Shutdown()
	s.WaitForShutdown()
}
