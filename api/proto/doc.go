// Package go_api holds the messages of api.proto: HTTP requests and responses as
// the gateway's handlers "api" and "event" pass them to services.
//
// A service that the handler "api" calls takes a Request and fills a Response:
//
//	func (*Redirect) Url(ctx context.Context, req *api.Request, rsp *api.Response) error {
//		rsp.StatusCode = 301
//		rsp.Header = map[string]*api.Pair{"Location": {Key: "Location", Values: []string{"https://example.com"}}}
//		return nil
//	}
package go_api
