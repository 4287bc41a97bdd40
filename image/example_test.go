package image_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/caisson-dev/caisson/image"
)

func ExampleStore_Build() {
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	img, err := store.Build(context.Background(), image.BuildOptions{
		Context: os.DirFS("./app"), Tags: []string{"app:1"}, Output: os.Stderr,
	})
	var step *image.BuildError
	if errors.As(err, &step) {
		log.Fatalf("%s:%d: %s ended with %d:\n%s", step.File, step.Line, step.Step, step.ExitCode, step.Tail)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.ID)
}

func ExampleStore_BuildGo() {
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	img, err := store.BuildGo(context.Background(), "./cmd/server", image.GoOptions{Tags: []string{"server"}, User: "65532", CACerts: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names)
}

func ExampleStore_Pull() {
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	img, err := store.Pull(context.Background(), "alpine:3.22", image.PullOptions{
		Policy: image.PullMissing,
		Progress: func(p image.Progress) {
			fmt.Printf("%.19s %s %d of %d\n", p.Digest, p.Phase, p.Current, p.Total)
		},
	})
	if errors.Is(err, image.ErrUnauthorized) {
		log.Fatal("log in first: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Config.Cmd)
}

func ExampleStore_Save() {
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	f, err := os.Create("images.tar")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	if err := store.Save(context.Background(), f, []string{"app:1", "server"}, image.SaveOptions{}); err != nil {
		log.Fatal(err)
	}
}

func ExampleStore_Import() {
	ctx := context.Background()
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	// As debootstrap and tar made it.
	root, err := os.Open("rootfs.tar.xz")
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	img, err := store.Import(ctx, root, image.ImportOptions{Tags: []string{"debian:mine"}, Changes: []string{`CMD ["/bin/bash"]`}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.ID)
}

func ExampleStore_FS() {
	ctx := context.Background()
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	fsys, err := store.FS(ctx, "alpine:3.22")
	if err != nil {
		log.Fatal(err)
	}
	defer fsys.Close()
	release, err := fsys.ReadFile("etc/os-release")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", release)
}

func ExampleStore_PushIndex() {
	ctx := context.Background()
	store, err := image.OpenStore(image.StoreOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	var images []string
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		img, err := store.Build(ctx, image.BuildOptions{Context: os.DirFS("./app"), Platform: platform})
		if err != nil {
			log.Fatal(err)
		}
		images = append(images, img.ID)
	}
	digest, err := store.PushIndex(ctx, "registry.example.com/team/app:1", images, image.PushOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest)
}
