package registry_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

func Example() {
	reg, err := server.Serve(server.Options{
		Auth: server.Auth{Users: []server.User{{Name: "ci", Password: "correct horse"}}},
	}, server.ServeOptions{})
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
	reg, err := server.Serve(server.Options{
		Auth: server.Auth{Users: []server.User{{Name: "ci", Password: "correct horse"}}},
	}, server.ServeOptions{})
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
