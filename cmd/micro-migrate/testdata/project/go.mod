module example.com/shop

go 1.18

require (
	github.com/go-micro/plugins/v4/config/encoder/yaml v1.2.0
	go-micro.dev/v4 v4.10.2
	google.golang.org/protobuf v1.28.0
)

require github.com/golang/protobuf v1.5.2 // indirect

replace go-micro.dev/v4 => ../go-micro
