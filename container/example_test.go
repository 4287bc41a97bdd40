package container_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// A store, an engine and a container: a whole program.
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
	_, err = store.Build(ctx, image.BuildOptions{
		DockerfileText: "FROM scratch\nCOPY testbox /bin/echo\n", Context: exampleFiles(), Tags: []string{"echo:1"},
	})
	if err != nil {
		log.Fatal(err)
	}

	engine, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		log.Fatal(err)
	}
	c, err := engine.Start(ctx, container.Options{Image: "echo:1", Cmd: []string{"/bin/echo", "hello"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})
	if _, err := c.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	if err := c.Logs(ctx, container.LogsOptions{Stdout: os.Stdout}); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// A container that runs, and a client of its published port.
func ExampleEngine_Start() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{
		Image: "app:1", Cmd: []string{"listen", ":7000"}, Env: []string{"MODE=test"},
		Ports: []container.Port{{Container: 7000}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	addr, err := c.Addr(ctx, 7000, "tcp")
	if err != nil {
		log.Fatal(err)
	}
	info, err := c.Inspect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(addr.Addr(), info.State.Status, info.Options.Env)
	// Output: 127.0.0.1 running [MODE=test]
}

// A container gets a file before it starts.
func ExampleEngine_Create() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Create(ctx, container.Options{Image: "app:1", Cmd: []string{"cat", "/etc/app.conf"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})
	if err := c.WriteFile(ctx, "/etc/app.conf", []byte("color = blue\n"), 0o644, container.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	if err := c.Start(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := c.Wait(ctx); err != nil {
		log.Fatal(err)
	}
	if err := c.Logs(ctx, container.LogsOptions{Stdout: os.Stdout}); err != nil {
		log.Fatal(err)
	}
	// Output: color = blue
}

func ExampleEngine_Get() {
	ctx := context.Background()
	engine := exampleEngine()
	made, err := engine.Create(ctx, container.Options{Image: "app:1", Name: "get-me"})
	if err != nil {
		log.Fatal(err)
	}
	defer made.Remove(ctx, container.RemoveOptions{})

	byName, err := engine.Get(ctx, "get-me")
	if err != nil {
		log.Fatal(err)
	}
	byPrefix, err := engine.Get(ctx, made.ID()[:12])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(byName.ID() == made.ID(), byPrefix.Name())
	// Output: true get-me
}

func ExampleEngine_List() {
	ctx := context.Background()
	engine := exampleEngine()
	labels := map[string]string{"team": "blue"}
	c, err := engine.Create(ctx, container.Options{Image: "app:1", Name: "listed", Labels: labels})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{})

	infos, err := engine.List(ctx, container.ListOptions{All: true, Labels: labels})
	if err != nil {
		log.Fatal(err)
	}
	for _, info := range infos {
		fmt.Println(info.Name, info.State.Status)
	}
	// Output: listed created
}

func ExampleEngine_Prune() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"exit", "0"}, Detach: true})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Wait(ctx); err != nil {
		log.Fatal(err)
	}

	res, err := engine.Prune(ctx, container.PruneOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(res.Deleted), res.Deleted[0] == c.ID())
	// Output: 1 true
}

// The events of one container, past ones too.
func ExampleEngine_Events() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Name: "watched", Cmd: []string{"exit", "3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})
	info, err := c.Inspect(ctx)
	if err != nil {
		log.Fatal(err)
	}

	for ev, err := range engine.Events(ctx, container.EventsOptions{Container: c.ID(), Since: info.Created.Add(-1)}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(ev.Type, ev.Action, ev.Name)
		if ev.Action == container.EventDie {
			break
		}
	}
	// Output:
	// container create watched
	// container start watched
	// container die watched
}

func ExampleReadEnvFile() {
	file := strings.NewReader("# what the server needs\nMODE=test\nHOME\n")
	env, err := container.ReadEnvFile(file, func(key string) (string, bool) { return "/root", key == "HOME" })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(env)
	// Output: [MODE=test HOME=/root]
}
