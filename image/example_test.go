package image_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/caisson-dev/caisson/image"
)

// A store of its own: a whole program.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(dir)
	store, err := image.OpenStore(image.StoreOptions{Root: filepath.Join(dir, "store")})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Destroy(ctx) // a program that keeps its images calls Close

	img, err := store.Build(ctx, image.BuildOptions{
		Context:        fstest.MapFS{"motd": {Data: []byte("hello\n"), Mode: 0o644}},
		DockerfileText: "FROM scratch\nCOPY motd /etc/motd\n",
		Tags:           []string{"motd:1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names)
	// Output: [docker.io/library/motd:1]
}

// The default store of the user.
func ExampleOpenStore() {
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	images, err := store.List(context.Background(), image.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, img := range images {
		fmt.Println(img.Names, img.Size)
	}
}

func ExampleStore_From() {
	ctx := context.Background()
	store := exampleStore()
	files := fstest.MapFS{"motd": {Data: []byte("hello\n"), Mode: 0o644}}
	img, err := store.From("app:1", image.BuildOptions{}).
		Copy(files, "/etc/", image.CopyOptions{}).
		Run("/bin/app", "echo", "done").
		Env("GREETING", "hello").
		Cmd("/bin/app", "cat", "/etc/motd").
		Commit(ctx, "made:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names, img.Config.Cmd)
	// Output: [docker.io/library/made:1] [/bin/app cat /etc/motd]
}

func ExampleStore_Build() {
	ctx := context.Background()
	store := exampleStore()
	img, err := store.Build(ctx, image.BuildOptions{
		Context:        exampleFiles(), // or os.DirFS("./app")
		DockerfileText: "FROM scratch\nARG VERSION\nCOPY bin/app /bin/app\nLABEL version=$VERSION\n",
		Args:           map[string]string{"VERSION": "1.2"},
		Tags:           []string{"server:1"},
		Result:         image.ResultOptions{Squash: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names, img.Labels["version"], len(img.Layers))
	// Output: [docker.io/library/server:1] 1.2 1
}

// A step that fails.
func ExampleBuildError() {
	ctx := context.Background()
	store := exampleStore()
	_, err := store.Build(ctx, image.BuildOptions{
		Context:        exampleFiles(),
		DockerfileText: "FROM scratch\nCOPY no-such-file /\n",
	})
	var failed *image.BuildError
	if errors.As(err, &failed) {
		fmt.Printf("line %d: %s\n", failed.Line, failed.Step)
	}
	// Output: line 2: COPY no-such-file /
}

// The steps of a build as they come.
func ExampleBuildEvent() {
	ctx := context.Background()
	store := exampleStore()
	_, err := store.Build(ctx, image.BuildOptions{
		Context:        exampleFiles(),
		DockerfileText: "FROM scratch\nCOPY etc /etc\n",
		Cache:          image.CacheOptions{Disable: true},
		Progress: func(e image.BuildEvent) {
			if e.Kind == image.BuildStep {
				fmt.Printf("%d/%d %s\n", e.Step, e.Steps, e.Instruction)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1/2 FROM scratch
	// 2/2 COPY etc /etc
}

// A Go program as an image, without a Dockerfile.
func ExampleStore_BuildGo() {
	ctx := context.Background()
	store := exampleStore()
	img, err := store.BuildGo(ctx, "./testdata/shell", image.GoOptions{Tags: []string{"shell:1"}, User: "65532"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names, img.Config.Entrypoint, img.Config.User)
	// Output: [docker.io/library/shell:1] [/app/shell] 65532
}

func ExampleStore_Get() {
	ctx := context.Background()
	store := exampleStore()
	img, err := store.Get(ctx, "app:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Config.Cmd, img.OS)
	_, err = store.Get(ctx, "app:2")
	fmt.Println(errors.Is(err, image.ErrNotFound))
	// Output:
	// [/bin/app] linux
	// true
}

func ExampleStore_List() {
	ctx := context.Background()
	store := exampleStore()
	images, err := store.List(ctx, image.ListOptions{References: []string{"app:*"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, img := range images {
		fmt.Println(img.Names)
	}
	// Output: [docker.io/library/app:1]
}

func ExampleStore_Tag() {
	ctx := context.Background()
	store := exampleStore()
	if err := store.Tag(ctx, "app:1", "registry.example.com/team/app:1"); err != nil {
		log.Fatal(err)
	}
	img, err := store.Get(ctx, "app:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Join(img.Names, "\n"))
	if err := store.Untag(ctx, "registry.example.com/team/app:1"); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// docker.io/library/app:1
	// registry.example.com/team/app:1
}

func ExampleStore_Remove() {
	ctx := context.Background()
	store := exampleStore()
	if err := store.Tag(ctx, "app:1", "app:old"); err != nil {
		log.Fatal(err)
	}
	res, err := store.Remove(ctx, "app:old", image.RemoveOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Untagged, len(res.Deleted))
	// Output: [docker.io/library/app:old] 0
}

func ExampleStore_Prune() {
	ctx := context.Background()
	store := exampleStore()
	img, err := store.Build(ctx, image.BuildOptions{DockerfileText: "FROM scratch\nLABEL of=nobody\n"})
	if err != nil {
		log.Fatal(err)
	}
	res, err := store.Prune(ctx, image.PruneOptions{Filter: image.Filter{Labels: map[string]string{"of": "nobody"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(res.Deleted), res.Deleted[0] == img.ID)
	// Output: 1 true
}

func ExampleStore_History() {
	ctx := context.Background()
	store := exampleStore()
	steps, err := store.History(ctx, "app:1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(steps), steps[0].Size)
	// Output: 2 0
}

func ExampleStore_DiskUsage() {
	ctx := context.Background()
	store := exampleStore()
	usage, err := store.DiskUsage(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(usage.Images.Size > 0, len(usage.Containers.Items))
	// Output: true 0
}

func ExampleStore_Check() {
	ctx := context.Background()
	store := exampleStore()
	res, err := store.Check(ctx, image.CheckOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(res.Problems))
	// Output: 0
}
