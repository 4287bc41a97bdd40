package memcached_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/memcached"
)

func ExampleRun() {
	TestCache := func(t *testing.T) {
		cache := memcached.Run(t, memcached.Options{Memory: 16})
		fmt.Println(cache.Address()) // 127.0.0.1:49153
	}
	_ = TestCache // go test calls it
}
