package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// To a registry and back. The registry is in this process.
func ExampleStore_Push() {
	ctx := context.Background()
	store := exampleStore()
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()

	digest, err := store.Push(ctx, "app:1", image.PushOptions{Destination: reg.Addr + "/team/app:1"})
	if err != nil {
		log.Fatal(err)
	}
	img, err := store.Pull(ctx, reg.Addr+"/team/app@"+digest, image.PullOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Config.Cmd)
	// Output: [/bin/app]
}

func ExampleStore_Pull() {
	ctx := context.Background()
	store := exampleStore()
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	if _, err := store.Push(ctx, "app:1", image.PushOptions{Destination: reg.Addr + "/app:1"}); err != nil {
		log.Fatal(err)
	}

	img, err := store.Pull(ctx, reg.Addr+"/app:1", image.PullOptions{Policy: image.PullMissing})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Config.Cmd)
	_, err = store.Pull(ctx, reg.Addr+"/app:2", image.PullOptions{})
	fmt.Println(errors.Is(err, image.ErrNotFound))
	// Output:
	// [/bin/app]
	// true
}

// One reference for two platforms.
func ExampleStore_PushIndex() {
	ctx := context.Background()
	store := exampleStore()
	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	var images []string
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		img, err := store.Build(ctx, image.BuildOptions{Context: exampleFiles(), DockerfileText: "FROM scratch\nCOPY etc /etc\n", Platform: platform})
		if err != nil {
			log.Fatal(err)
		}
		images = append(images, img.ID)
	}
	if _, err := store.PushIndex(ctx, reg.Addr+"/motd:1", images, image.PushOptions{}); err != nil {
		log.Fatal(err)
	}

	img, err := store.Pull(ctx, reg.Addr+"/motd:1", image.PullOptions{Platform: "linux/arm64"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.OS, img.Arch)
	// Output: linux arm64
}

func ExampleStore_Save() {
	ctx := context.Background()
	store := exampleStore()
	var archive bytes.Buffer // most programs use a file
	if err := store.Save(ctx, &archive, []string{"app:1"}, image.SaveOptions{Format: image.FormatOCI}); err != nil {
		log.Fatal(err)
	}
	images, err := store.Load(ctx, &archive, image.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, img := range images {
		fmt.Println(img.Names)
	}
	// Output: [docker.io/library/app:1]
}

// An image of a root file system.
func ExampleStore_Import() {
	ctx := context.Background()
	store := exampleStore()
	var root bytes.Buffer // debootstrap and tar make larger ones
	tw := tar.NewWriter(&root)
	err := errors.Join(tw.AddFS(exampleFiles()), tw.Close())
	if err != nil {
		log.Fatal(err)
	}
	img, err := store.Import(ctx, &root, image.ImportOptions{Tags: []string{"root:1"}, Changes: []string{`CMD ["/bin/sh"]`}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names, img.Config.Cmd)
	// Output: [docker.io/library/root:1] [/bin/sh]
}

// The files of an image as a tar stream.
func ExampleStore_Export() {
	ctx := context.Background()
	store := exampleStore()
	r, w := io.Pipe()
	go func() { w.CloseWithError(store.Export(ctx, w, "app:1")) }()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(h.Name)
	}
	// Output:
	// bin/
	// bin/app
	// etc/
	// etc/motd
}

// The files of an image, without a container.
func ExampleStore_FS() {
	ctx := context.Background()
	store := exampleStore()
	fsys, err := store.FS(ctx, "app:1")
	if err != nil {
		log.Fatal(err)
	}
	defer fsys.Close()
	motd, err := fsys.ReadFile("etc/motd")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", motd)
	// Output: hello
}
