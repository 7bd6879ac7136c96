package grpc_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/util/grpc"
)

func TestCodesHaveTheirCounterparts(t *testing.T) {
	for http, want := range map[int32]uint32{
		400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 6, 412: 9, 500: 13, 501: 12, 503: 14,
	} {
		if got := grpc.Code(http); got != want {
			t.Errorf("%d is %d, want %d", http, got, want)
		}
		if got := grpc.HTTPCode(want); got != http {
			t.Errorf("%d is %d, want %d", want, got, http)
		}
	}
	for _, other := range []int32{0, -1, 200, 402, 405, 429, 502, 599} {
		if got := grpc.Code(other); got != 2 {
			t.Errorf("%d is %d, want Unknown", other, got)
		}
	}
	for _, other := range []uint32{0, 1, 2, 8, 10, 11, 15, 17, 1 << 31} {
		if got := grpc.HTTPCode(other); got != 500 {
			t.Errorf("%d is %d, want 500", other, got)
		}
	}
}
