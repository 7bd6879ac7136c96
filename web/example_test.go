package web_test

import (
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/web"
)

func Example() {
	service := web.NewService(
		web.Name("site"),
		web.Address("127.0.0.1:0"),
		web.Registry(registry.NewMemoryRegistry()),
	)
	service.HandleFunc("/hello", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "Hello", r.FormValue("name"))
	})
	if err := service.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer service.Stop()

	response, err := service.Client().Get("http://site/hello?name=John")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	io.Copy(os.Stdout, response.Body)
	// Output: Hello John
}
