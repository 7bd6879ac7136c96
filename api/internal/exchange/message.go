package exchange

import (
	"net/http"
	"net/url"

	pb "github.com/justcy/go-micro/v4/api/proto"
)

// Headers are the headers of a request for its service, as the messages of
// package proto have them. Its host and the addresses that it came through are
// among them.
func Headers(r *http.Request) map[string]*pb.Pair {
	h := EndToEnd(r.Header)
	h["Host"] = []string{r.Host}
	if via := ForwardedFor(r); via != "" {
		h["X-Forwarded-For"] = []string{via}
	}
	return Pairs(h)
}

// Pairs are values by their names, as the messages of package proto have them.
func Pairs[M http.Header | url.Values](values M) map[string]*pb.Pair {
	if len(values) == 0 {
		return nil
	}
	pairs := make(map[string]*pb.Pair, len(values))
	for name, all := range values {
		pairs[name] = &pb.Pair{Key: name, Values: all}
	}
	return pairs
}
