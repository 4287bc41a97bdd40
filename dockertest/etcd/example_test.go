package etcd_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/etcd"
)

func ExampleRun() {
	TestElection := func(t *testing.T) {
		store := etcd.Run(t, etcd.Options{})
		fmt.Println(store.URL()) // http://127.0.0.1:49153
	}
	_ = TestElection // go test calls it
}
