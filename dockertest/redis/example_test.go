package redis_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/redis"
)

func ExampleRun() {
	TestCache := func(t *testing.T) {
		cache := redis.Run(t, redis.Options{Password: "secret"})
		fmt.Println(cache.URL()) // redis://default:secret@127.0.0.1:49153/0
	}
	_ = TestCache // go test calls it
}

// Valkey, which other containers reach as "cache".
func ExampleRun_valkey() {
	TestSessions := func(t *testing.T) {
		nw := dockertest.Network(t)
		cache := redis.Run(t, redis.Options{Image: redis.Valkey}, nw.Alias("cache"))
		dockertest.Run(t, "app:1", nw, dockertest.Env("CACHE", cache.URLAt("cache")))
	}
	_ = TestSessions // go test calls it
}
