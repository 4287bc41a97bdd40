package registry_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/registry"
)

func Example() {
	reg, err := registry.Serve(registry.ServerOptions{
		Auth: registry.Auth{Users: []registry.User{{Name: "ci", Password: "correct horse"}}},
	}, registry.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = reg.Close() }()

	ctx := context.Background()
	client := registry.NewClient(registry.ClientOptions{
		Credential: registry.Credential{Username: "ci", Password: "correct horse"},
	})
	found, err := client.Exists(ctx, reg.Addr+"/app:1")
	fmt.Println(found, err)
	// Output: false <nil>
}

func ExampleClient_Login() {
	reg, err := registry.Serve(registry.ServerOptions{
		Auth: registry.Auth{Users: []registry.User{{Name: "ci", Password: "correct horse"}}},
	}, registry.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = reg.Close() }()
	dir, err := os.MkdirTemp("", "login")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	client := registry.NewClient(registry.ClientOptions{AuthFile: filepath.Join(dir, "auth.json")})
	result, err := client.Login(context.Background(), reg.Addr, registry.LoginOptions{
		Username: "ci", Password: strings.NewReader("correct horse\n"),
	})
	fmt.Println(filepath.Base(result.Stored), err)
	// Output: auth.json <nil>
}

func ExampleServer_Inject() {
	reg, err := registry.Serve(registry.ServerOptions{}, registry.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = reg.Close() }()

	remove := reg.Inject(registry.Fault{Status: 503, Times: 2})
	client := registry.NewClient(registry.ClientOptions{Retry: registry.RetryOptions{Delay: time.Millisecond}})
	_, err = client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(err, remove(), len(reg.Requests()))
	// Output: <nil> 2 3
}

func ExampleClient_Tags() {
	client := registry.NewClient(registry.ClientOptions{})
	for tag, err := range client.Tags(context.Background(), "quay.io/prometheus/busybox", registry.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tag)
	}
}

func ExampleClient_Copy() {
	client := registry.NewClient(registry.ClientOptions{})
	_, err := client.Copy(context.Background(), "quay.io/prometheus/busybox:latest", "localhost:5000/busybox:latest",
		registry.CopyOptions{Platform: "linux/arm64"})
	if err != nil {
		log.Fatal(err)
	}
}
