module github.com/justcy/go-micro/plugins/v4/integration

go 1.26.0

replace (
	github.com/justcy/go-micro/plugins/v4 => ../
	github.com/justcy/go-micro/v4 => ../../
)

require (
	github.com/justcy/go-micro/plugins/v4 v4.0.0
	github.com/justcy/go-micro/v4 v4.0.0
	go.etcd.io/etcd/server/v3 v3.7.3
	go.uber.org/goleak v1.3.0
)
