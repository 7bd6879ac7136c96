// Secure shows mutual TLS between two processes: both have a certificate of one
// authority, the client verifies that the greeter is the greeter, and who has no
// certificate gets no connection.
//
//	go run ./examples/secure
//
// The authority is a folder here, which is made for the run. With certificates that
// somebody else issues, transport.MutualTLS(pki.Files("cert.pem", "key.pem",
// "ca.pem")) is the one line that differs. For development on one host
// transport.Secure(true) is enough.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pki"
)

// folder is the environment variable by which the greeter is told where the
// authority is.
const folder = "SECURE_EXAMPLE_AUTHORITY"

func main() {
	play := call
	if os.Getenv(folder) != "" {
		play = serve
	}
	if err := play(); err != nil {
		fmt.Fprintln(os.Stderr, "secure:", err)
		os.Exit(1)
	}
}

// mutual returns a transport with certificates of the authority in a folder.
func mutual(dir string) (transport.Transport, error) {
	authority, err := pki.OpenAuthority(dir)
	if err != nil {
		return nil, err
	}
	return transport.NewHTTPTransport(transport.MutualTLS(authority.Source())), nil
}

// Greeter implements greeter.GreeterHandler.
type Greeter struct{}

// Hello greets by name.
func (*Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

// serve is the process of the greeter. It tells its address and runs until its
// input ends.
func serve() error {
	secured, err := mutual(os.Getenv(folder))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var service micro.Service
	service = micro.NewService(micro.Name("greeter"), micro.Transport(secured), micro.Address("127.0.0.1:0"), micro.Context(ctx),
		micro.Logger(logger.NewLogger(logger.WithLevel(logger.WarnLevel))),
		micro.AfterStart(func() error {
			fmt.Println(service.Server().Options().Address)
			return nil
		}))
	if err := greeter.RegisterGreeterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		stop()
	}()
	return service.Run()
}

// call is the process of the client. It starts the other one.
func call() error {
	dir, err := os.MkdirTemp("", "secure")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	address, end, err := startGreeter(dir)
	if err != nil {
		return err
	}
	defer end()

	secured, err := mutual(dir)
	if err != nil {
		return err
	}
	hello("with a certificate", secured, "greeter", address)
	hello("asking for the bank", secured, "bank", address)
	hello("without a certificate", transport.NewHTTPTransport(
		transport.TLSConfig(&tls.Config{InsecureSkipVerify: true})), "greeter", address) //nolint:gosec // to show that it does not help
	hello("without TLS", transport.NewHTTPTransport(), "greeter", address)
	return nil
}

// hello calls a service at an address, and prints what comes of it.
func hello(how string, tr transport.Transport, service, address string) {
	c := client.NewClient(client.Transport(tr), client.Retries(0))
	rsp, err := greeter.NewGreeterService(service, c).Hello(context.Background(), &greeter.HelloRequest{Name: "John"}, client.WithAddress(address))
	switch {
	case err == nil:
		fmt.Printf("%s: %s\n", how, rsp.GetGreeting())
	case strings.Contains(err.Error(), "is not that of service"):
		fmt.Printf("%s: refused, there is somebody else\n", how)
	default:
		fmt.Printf("%s: refused\n", how)
	}
}

// startGreeter starts the other process, and returns its address and how to end it.
func startGreeter(dir string) (address string, end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), folder+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2); err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	end = func() {
		stdin.Close()
		_ = cmd.Wait()
	}
	address, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		end()
		return "", nil, fmt.Errorf("the greeter did not start: %w", err)
	}
	return strings.TrimSpace(address), end, nil
}
