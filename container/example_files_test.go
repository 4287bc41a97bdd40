package container_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// exampleFiles are the files of an image: one static program.
func exampleFiles() fs.FS {
	box, err := testenv.TestboxBinary()
	if err != nil {
		log.Fatal(err)
	}
	return fstest.MapFS{"testbox": {Data: box, Mode: 0o755}}
}

func ExampleContainer_WriteFile() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.WriteFile(ctx, "/etc/app/app.conf", []byte("color = blue\n"), 0o600, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	data, err := c.ReadFile(ctx, "/etc/app/app.conf")
	if err != nil {
		log.Fatal(err)
	}
	info, err := c.StatPath(ctx, "/etc/app/app.conf")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s%s %d bytes\n", data, info.Mode, info.Size)
	// Output:
	// color = blue
	// -rw------- 13 bytes
}

func ExampleContainer_CopyFS() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	files := fstest.MapFS{"index.html": {Data: []byte("<h1>hello</h1>\n"), Mode: 0o644}}
	if err := c.CopyFS(ctx, "/www", files, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	out, err := c.Command("cat", "/www/index.html").Output(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	// Output: <h1>hello</h1>
}

// A tar stream into a container.
func ExampleContainer_CopyTo() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	var stream bytes.Buffer
	tw := tar.NewWriter(&stream)
	err = errors.Join(tw.AddFS(fstest.MapFS{"greeting": {Data: []byte("hello\n"), Mode: 0o644}}), tw.Close())
	if err != nil {
		log.Fatal(err)
	}
	if err := c.CopyTo(ctx, "/data", &stream, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	out, err := c.Command("cat", "/data/greeting").Output(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	// Output: hello
}

// A tar stream out of a container.
func ExampleContainer_CopyFrom() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	stream, info, err := c.CopyFrom(ctx, "/data", container.CopyFromOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	fmt.Println(info.Name, info.Mode.IsDir())
	for tr := tar.NewReader(stream); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(h.Name, h.Size)
	}
	// Output:
	// data true
	// data/ 0
	// data/note 14
}

// Files of the host into a container and back, by the rules of docker cp.
func ExampleContainer_Upload() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "in.txt"), []byte("hello\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.Upload(ctx, filepath.Join(dir, "in.txt"), "/data/", container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := c.Download(ctx, "/data/in.txt", filepath.Join(dir, "out.txt"), container.CopyFromOptions{}); err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "out.txt"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", data)
	// Output: hello
}

// What a container has changed.
func ExampleContainer_Diff() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.Command("write", "/data/new", "text").Run(ctx); err != nil {
		log.Fatal(err)
	}
	changes, err := c.Diff(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range changes {
		fmt.Println(change.Kind, change.Path)
	}
	// Output:
	// C /data
	// A /data/new
}

// An image of a container.
func ExampleContainer_Commit() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.Command("write", "/data/note", "changed").Run(ctx); err != nil {
		log.Fatal(err)
	}
	img, err := c.Commit(ctx, container.CommitOptions{Tags: []string{"app:changed"}, Changes: []string{`CMD ["cat", "/data/note"]`}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Names, img.Config.Cmd)
	// Output: [docker.io/library/app:changed] [cat /data/note]
}

// A copy of a container with its data, which goes its own way.
func ExampleContainer_Fork() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Create(ctx, container.Options{
		Image: "app:1", Cmd: []string{"cat", "/data/orders"}, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/data"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{})
	if err := c.WriteFile(ctx, "/data/orders", []byte("17 orders"), 0o644, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}

	fork, err := c.Fork(ctx, container.ForkOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer fork.Remove(ctx, container.RemoveOptions{})
	if err := fork.WriteFile(ctx, "/data/orders", []byte("none"), 0o644, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	for _, one := range []*container.Container{c, fork} {
		orders, err := one.ReadFile(ctx, "/data/orders")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", orders)
	}
	// Output:
	// 17 orders
	// none
}

func ExampleContainer_Export() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	stream, err := c.Export(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	for tr := tar.NewReader(stream); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		if h.Name == "data/note" {
			fmt.Println(h.Name, h.Size)
		}
	}
	// Output: data/note 14
}

// Data that outlives a container.
func ExampleEngine_CreateVolume() {
	ctx := context.Background()
	engine := exampleEngine()
	v, err := engine.CreateVolume(ctx, container.VolumeOptions{Name: "letters"})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.RemoveVolume(ctx, v.Name)
	mounts := []container.Mount{{Type: container.MountVolume, Source: "letters", Target: "/letters"}}

	writer, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"write", "/letters/a", "hello"}, Mounts: mounts})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := writer.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	if err := writer.Remove(ctx, container.RemoveOptions{}); err != nil {
		log.Fatal(err)
	}

	reader, err := engine.Start(ctx, container.Options{Image: "app:1", Mounts: mounts})
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Remove(ctx, container.RemoveOptions{Force: true})
	data, err := reader.ReadFile(ctx, "/letters/a")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", data)
	// Output: hello
}

func ExampleEngine_Volumes() {
	ctx := context.Background()
	engine := exampleEngine()
	if _, err := engine.CreateVolume(ctx, container.VolumeOptions{Name: "unused", Labels: map[string]string{"of": "example"}}); err != nil {
		log.Fatal(err)
	}
	volumes, err := engine.Volumes(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range volumes {
		if v.Labels["of"] == "example" {
			fmt.Println(v.Name, len(v.Containers))
		}
	}
	res, err := engine.PruneVolumes(ctx, container.PruneVolumesOptions{All: true, Labels: map[string]string{"of": "example"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Deleted)
	// Output:
	// unused 0
	// [unused]
}
