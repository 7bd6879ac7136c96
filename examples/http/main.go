// Http shows a web service that another program calls by its name, with a plain
// http.Client:
//
//	go run ./examples/http
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/justcy/go-micro/v4/web"
)

func main() {
	site := web.NewService(web.Name("site"), web.Address("127.0.0.1:0"), web.StaticDir(""))
	site.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello %s", r.URL.Query().Get("name"))
	})
	if err := site.Start(); err != nil {
		log.Fatal(err)
	}
	if err := greet(site.Client()); err != nil {
		log.Print(err)
	}
	if err := site.Stop(); err != nil {
		log.Fatal(err)
	}
}

// greet calls the service. Its name stands where a host would.
func greet(client *http.Client) error {
	rsp, err := client.Get("http://site/hello?name=Ada")
	if err != nil {
		return err
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		return err
	}
	fmt.Println(string(body))
	return nil
}
