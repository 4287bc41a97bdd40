package container_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/caisson-dev/caisson/container"
)

// Two containers on a network of their own, where one finds the other by name.
func ExampleEngine_CreateNetwork() {
	ctx := context.Background()
	engine := exampleEngine()
	network, err := engine.CreateNetwork(ctx, container.NetworkOptions{Name: "backend"})
	if err != nil {
		log.Fatal(err)
	}
	defer engine.RemoveNetwork(ctx, network.Name)
	web, err := engine.Start(ctx, container.Options{Image: "app:1", Name: "web", Network: "backend"})
	if err != nil {
		log.Fatal(err)
	}
	defer web.Remove(ctx, container.RemoveOptions{Force: true})
	l, err := web.Listen(ctx, "tcp", ":80") // this program is the server
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	defer l.Close()

	client, err := engine.Start(ctx, container.Options{Image: "app:1", Network: "backend"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Remove(ctx, container.RemoveOptions{Force: true})
	out, err := client.Command("get", "http://web/").Output(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	// Output: hello
}

func ExampleEngine_Networks() {
	ctx := context.Background()
	engine := exampleEngine()
	if _, err := engine.CreateNetwork(ctx, container.NetworkOptions{Name: "lonely", Internal: true}); err != nil {
		log.Fatal(err)
	}
	networks, err := engine.Networks(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range networks {
		if n.Internal {
			fmt.Println(n.Name, len(n.Containers))
		}
	}
	removed, err := engine.PruneNetworks(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	// Output:
	// lonely 0
	// [lonely]
}

// A running container joins a network, and leaves it.
func ExampleContainer_Connect() {
	ctx := context.Background()
	engine := exampleEngine()
	if _, err := engine.CreateNetwork(ctx, container.NetworkOptions{Name: "later"}); err != nil {
		log.Fatal(err)
	}
	defer engine.RemoveNetwork(ctx, "later")
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.Connect(ctx, container.Endpoint{Network: "later", Aliases: []string{"db"}}); err != nil {
		log.Fatal(err)
	}
	info, err := c.Inspect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range info.Networks {
		fmt.Println(n.Network, n.Interface)
	}
	if err := c.Disconnect(ctx, "later"); err != nil {
		log.Fatal(err)
	}
	// Output:
	// bridge eth0
	// later eth1
}

// A connection to a port that is not published.
func ExampleContainer_Dial() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"listen", ":7000"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})
	for entry, err := range c.LogEntries(ctx, container.LogsOptions{Follow: true}) { // until it listens
		if err != nil {
			log.Fatal(err)
		}
		if entry.Line != "" {
			break
		}
	}

	conn, err := c.Dial(ctx, "tcp", ":7000")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "hello")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && err != io.EOF {
		log.Fatal(err)
	}
	fmt.Print(answer)
	// Output: HELLO
}
