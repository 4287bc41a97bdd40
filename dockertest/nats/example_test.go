package nats_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/nats"
)

func ExampleRun() {
	TestEvents := func(t *testing.T) {
		bus := nats.Run(t, nats.Options{JetStream: true})
		fmt.Println(bus.URL()) // nats://127.0.0.1:49153
	}
	_ = TestEvents // go test calls it
}
