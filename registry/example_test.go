package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/registry"
)

func Example() {
	reg := exampleRegistry() // stands for "quay.io", say
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	m, err := client.Manifest(context.Background(), reg.Addr+"/app:1", registry.ManifestOptions{Platform: "linux/arm64"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.MediaType, len(m.Layers), "layer")
	// Output: application/vnd.oci.image.manifest.v1+json 1 layer
}

func ExampleNewClient() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{
		Credential: registry.Credential{Username: "ci", Password: "correct horse"}, // not what docker login has left
		Retry:      registry.RetryOptions{Attempts: 2},
	})
	defer client.Close()
	found, err := client.Exists(context.Background(), reg.Addr+"/app:1")
	fmt.Println(found, err)
	// Output: true <nil>
}

func ExampleClient_Exists() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	for _, name := range []string{"/app:1", "/app:3"} {
		found, err := client.Exists(context.Background(), reg.Addr+name)
		fmt.Println(found, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

func ExampleClient_Resolve() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	d, err := client.Resolve(context.Background(), reg.Addr+"/app:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.MediaType, strings.HasPrefix(d.Digest, "sha256:"))
	_, err = client.Resolve(context.Background(), reg.Addr+"/app:3")
	fmt.Println(errors.Is(err, registry.ErrNotFound))
	// Output:
	// application/vnd.oci.image.index.v1+json true
	// true
}

func ExampleClient_Manifest() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	index, err := client.Manifest(context.Background(), reg.Addr+"/app:1", registry.ManifestOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range index.Manifests {
		fmt.Println(m.Platform)
	}
	// Output:
	// linux/amd64
	// linux/arm64
}

func ExampleClient_Blob() {
	reg := exampleRegistry()
	defer reg.Close()

	ctx := context.Background()
	client := registry.NewClient(registry.ClientOptions{})
	m, err := client.Manifest(ctx, reg.Addr+"/app:1", registry.ManifestOptions{Platform: "linux/arm64"})
	if err != nil {
		log.Fatal(err)
	}
	blob, err := client.Blob(ctx, reg.Addr+"/app@"+m.Layers[0].Digest)
	if err != nil {
		log.Fatal(err)
	}
	defer blob.Close()
	content, err := io.ReadAll(blob)
	fmt.Println(string(content), blob.Size, err)
	// Output: layer for arm64 15 <nil>
}

func ExampleClient_Tags() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	for tag, err := range client.Tags(context.Background(), reg.Addr+"/app", registry.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tag)
	}
	// Output:
	// 1
	// 2
}

func ExampleClient_Catalog() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	for repository, err := range client.Catalog(context.Background(), reg.Addr, registry.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(repository)
	}
	// Output: app
}

func ExampleClient_Referrers() {
	reg := exampleRegistry()
	defer reg.Close()

	client := registry.NewClient(registry.ClientOptions{})
	for d, err := range client.Referrers(context.Background(), reg.Addr+"/app:1", registry.ReferrersOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.ArtifactType)
	}
	// Output: application/x-signature
}

func ExampleClient_Copy() {
	from, to := exampleRegistry(), exampleRegistry()
	defer from.Close()
	defer to.Close()

	client := registry.NewClient(registry.ClientOptions{})
	_, err := client.Copy(context.Background(), from.Addr+"/app:1", to.Addr+"/copy:1", registry.CopyOptions{
		Platform: "linux/arm64",
		Parallel: 1,
		Progress: func(p registry.CopyProgress) { fmt.Println(p.How, p.Size, "bytes") },
	})
	fmt.Println(err)
	// Unordered output:
	// copied 24 bytes
	// copied 15 bytes
	// copied 394 bytes
	// <nil>
}

func ExampleClient_Delete() {
	reg := exampleRegistry()
	defer reg.Close()

	ctx := context.Background()
	client := registry.NewClient(registry.ClientOptions{})
	fmt.Println(client.Delete(ctx, reg.Addr+"/app:2"))
	found, err := client.Exists(ctx, reg.Addr+"/app:2")
	fmt.Println(found, err)
	// Output:
	// <nil>
	// false <nil>
}

func ExampleClient_Login() {
	reg := exampleLogin()
	defer reg.Close()
	dir, err := os.MkdirTemp("", "login")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	client := registry.NewClient(registry.ClientOptions{AuthFile: filepath.Join(dir, "auth.json")})
	result, err := client.Login(context.Background(), reg.Addr, registry.LoginOptions{
		Username: "ci", Password: strings.NewReader("correct horse\n"),
	})
	fmt.Println(filepath.Base(result.Stored), err)
	// Output: auth.json <nil>
}

func ExampleClient_Logout() {
	reg := exampleLogin()
	defer reg.Close()
	dir, err := os.MkdirTemp("", "login")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	client := registry.NewClient(registry.ClientOptions{AuthFile: filepath.Join(dir, "auth.json")})
	err = client.Logout(context.Background(), reg.Addr)
	fmt.Println(errors.Is(err, registry.ErrNotLoggedIn))
	// Output: true
}

func ExampleClient_Credentials() {
	dir, err := os.MkdirTemp("", "login")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "auth.json") // as podman login writes it
	if err := os.WriteFile(file, []byte(`{"auths":{"quay.io/team":{"auth":"Y2k6Y29ycmVjdCBob3JzZQ=="}}}`), 0o600); err != nil {
		log.Fatal(err)
	}

	client := registry.NewClient(registry.ClientOptions{AuthFile: file})
	for _, name := range []string{"quay.io/team/app", "quay.io"} {
		cred, err := client.Credentials(context.Background(), name)
		fmt.Println(cred.Username, cred.IsZero(), err) // printing cred tells no secret
	}
	// Output:
	// ci false <nil>
	//  true <nil>
}
