package headers_test

import (
	"fmt"
	"net/http"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

func Example() {
	// HTTP changes the case of names, so look them up without regard to it.
	onTheWire := http.CanonicalHeaderKey(headers.ID)
	header := map[string]string{onTheWire: "7"}
	id, _ := metadata.Metadata(header).Get(headers.ID)
	fmt.Println(headers.ID, onTheWire, id)
	// Output: Micro-ID Micro-Id 7
}
