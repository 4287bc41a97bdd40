package server_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"
	"time"

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
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{
		Credential: registry.Credential{Username: "ci", Password: "correct horse"},
	})
	found, err := client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(found, err)
	// Output: false <nil>
}

func ExampleServe() {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{TLS: true})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{TLS: registry.TLSOptions{RootCAs: reg.CertPool()}})
	found, err := client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(strings.HasPrefix(reg.URL, "https://127.0.0.1:"), found, err)
	// Output: true false <nil>
}

func ExampleNew() {
	srv := httptest.NewServer(server.New(server.Options{}))
	defer srv.Close()

	client := registry.NewClient(registry.ClientOptions{})
	found, err := client.Exists(context.Background(), strings.TrimPrefix(srv.URL, "http://")+"/app:1")
	fmt.Println(found, err)
	// Output: false <nil>
}

func ExampleServer_Err() {
	s := server.New(server.Options{Auth: server.Auth{Users: []server.User{{Name: "ci"}}}})
	fmt.Println(errors.Is(s.Err(), server.ErrInvalidArgument), s.Err())
	// Output: true invalid argument: user "ci" has no password
}

func ExampleServer_Inject() {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	remove := reg.Inject(server.Fault{Status: 503, Times: 2})
	client := registry.NewClient(registry.ClientOptions{Retry: registry.RetryOptions{Delay: time.Millisecond}})
	_, err = client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(err, remove(), len(reg.Requests()))
	// Output: <nil> 2 3
}

func ExampleServer_Requests() {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	if _, err := client.Exists(context.Background(), reg.Addr+"/app:1"); err != nil {
		log.Fatal(err)
	}
	for _, r := range reg.Requests() {
		fmt.Println(r.Method, r.Repository, r.Reference, r.Status)
	}
	// Output: HEAD app 1 404
}

func ExampleServer_Collect() {
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	removed, err := reg.Collect(context.Background(), server.CollectOptions{Untagged: true})
	fmt.Println(removed.Manifests, removed.Blobs, err)
	// Output: 0 0 <nil>
}

func ExampleAuth() {
	reg, err := server.Serve(server.Options{Auth: server.Auth{
		Bearer: true,
		Users: []server.User{
			{Name: "admin", Password: "correct horse"},
			{Name: "ci", Password: "battery staple", Access: []server.Access{{Repository: "team/**", May: server.MayPull | server.MayPush}}},
		},
		Anonymous: []server.Access{{Repository: "public/**", May: server.MayPull}},
	}}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{Credential: registry.Credential{Username: "ci", Password: "battery staple"}})
	for _, repository := range []string{"team/app", "private/app"} {
		_, err := client.Exists(context.Background(), reg.Addr+"/"+repository+":1")
		fmt.Println(err == nil, errors.Is(err, registry.ErrDenied))
	}
	// Output:
	// true false
	// false true
}

func ExampleUpstream() {
	hub, err := server.Serve(server.Options{}, server.ServeOptions{}) // stands for docker.io
	if err != nil {
		log.Fatal(err)
	}
	defer hub.Close()

	cache, err := server.Serve(server.Options{Upstream: server.Upstream{Registry: hub.Addr}}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	client := registry.NewClient(registry.ClientOptions{})
	found, err := client.Exists(context.Background(), cache.Addr+"/library/alpine:3.22")
	fmt.Println(found, err, len(hub.Requests()) > 0)
	// Output: false <nil> true
}
