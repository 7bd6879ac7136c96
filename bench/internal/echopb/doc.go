// Package echopb is the service that every framework serves in the benchmark,
// generated for each of them from echo.proto. The plugins on PATH decide the
// versions; those of the peers are at the versions in this module's go.mod.
package echopb

//go:generate protoc -I. --go_out=paths=source_relative:. --micro_out=paths=source_relative:. --go-grpc_out=paths=source_relative:. --connect-go_out=paths=source_relative:. --go-drpc_out=paths=source_relative:. --go-ttrpc_out=paths=source_relative,prefix=TTRPC:. echo.proto
