package registry_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/registry"
)

func ExampleRun() {
	TestPush := func(t *testing.T) {
		reg := registry.Run(t, registry.Options{Delete: true})
		fmt.Println(reg.Ref("app:1")) // 127.0.0.1:49153/app:1
	}
	_ = TestPush // go test calls it
}
