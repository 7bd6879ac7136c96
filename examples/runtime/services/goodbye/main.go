// Goodbye is a service that the runtime example runs.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Println("goodbye, " + os.Getenv("PLACE"))
	<-stop
	fmt.Println("goodbye stops")
}
