// Store keeps a price list in whichever store the command line names: it is written
// once, for all of them.
//
//	go run ./examples/store                # in memory
//	go run ./examples/store --store file   # in files: run it twice
//	go run ./examples/store --store redis --store_address redis://127.0.0.1:6379
//	go run ./examples/store --store natsjskv --store_address nats://127.0.0.1:4222
//	go run ./examples/store --store cockroach --store_address 'postgresql://root@127.0.0.1:26257?sslmode=disable'
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/store"

	// The stores that --store can name beside memory.
	_ "github.com/justcy/go-micro/v4/store/cockroach"
	_ "github.com/justcy/go-micro/v4/store/file"
	_ "github.com/justcy/go-micro/v4/store/nats-js-kv"
	_ "github.com/justcy/go-micro/v4/store/redis"
)

func main() {
	service := micro.NewService(micro.Name("prices"))
	service.Init()
	if err := run(service.Options().Store); err != nil {
		fmt.Fprintln(os.Stderr, "store:", err)
		os.Exit(1)
	}
}

func run(s store.Store) error {
	defer s.Close()
	runs, err := count(s, "runs")
	if err != nil {
		return err
	}
	fmt.Println("run:", runs)

	for fruit, price := range map[string]string{"apple": "2", "pear": "3", "plum": "1"} {
		if err := s.Write(&store.Record{Key: "price/" + fruit, Value: []byte(price)}); err != nil {
			return err
		}
	}
	prices, err := s.Read("price/", store.ReadPrefix(), store.ReadLimit(2)) // in the order of the keys
	if err != nil {
		return err
	}
	for _, r := range prices {
		fmt.Printf("%s: %s\n", r.Key, r.Value)
	}
	keys, err := s.List(store.ListPrefix("price/"), store.ListOffset(2))
	if err != nil {
		return err
	}
	fmt.Println("next page:", keys)
	return offer(s)
}

// count adds one to the number under a key, and returns it.
func count(s store.Store, key string) (int, error) {
	records, err := s.Read(key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	n := 1
	if len(records) > 0 {
		last, err := strconv.Atoi(string(records[0].Value))
		if err != nil {
			return 0, err
		}
		n += last
	}
	return n, s.Write(&store.Record{Key: key, Value: []byte(strconv.Itoa(n))})
}

// offer writes a record that expires, and then deletes it.
func offer(s store.Store) error {
	if err := s.Write(&store.Record{Key: "offer", Value: []byte("plums")}, store.WriteTTL(time.Hour)); err != nil {
		return err
	}
	records, err := s.Read("offer")
	if err != nil {
		return err
	}
	fmt.Printf("offer: %s, for %v\n", records[0].Value, records[0].Expiry.Round(time.Hour))
	if err := s.Delete("offer"); err != nil {
		return err
	}
	_, err = s.Read("offer")
	fmt.Println("offer:", err)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
