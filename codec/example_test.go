package codec_test

import (
	"fmt"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
)

func Example() {
	var m codec.Marshaler = json.Marshaler{}
	body, err := m.Marshal(map[string]string{"name": "John"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %s\n", m, body)

	var request struct{ Name string }
	if err := m.Unmarshal(body, &request); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request.Name)
	// Output:
	// json: {"name":"John"}
	// John
}
