package server_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

func ExampleServer_Inject() {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = reg.Close() }()

	remove := reg.Inject(server.Fault{Status: 503, Times: 2})
	client := registry.NewClient(registry.ClientOptions{Retry: registry.RetryOptions{Delay: time.Millisecond}})
	_, err = client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(err, remove(), len(reg.Requests()))
	// Output: <nil> 2 3
}
