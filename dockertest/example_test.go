package dockertest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// t stands for a test's parameter.
var t *testing.T

func ExampleRun() {
	pg := dockertest.Run(t, "postgres:17",
		dockertest.Env("POSTGRES_PASSWORD", "secret"),
		dockertest.Port(5432),
		dockertest.WaitLog("ready to accept connections").Times(2)) // the first is the initialisation's own server
	fmt.Println(pg.Addr(5432)) // 127.0.0.1:49153
}

func ExampleStart() {
	ctx := context.Background()
	redis, err := dockertest.Start(ctx, "redis:8", dockertest.Port(6379))
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	fmt.Println(redis.Addr(6379))
}

func ExampleNetwork() {
	nw := dockertest.Network(t)
	dockertest.Run(t, "postgres:17", nw.Alias("db"), dockertest.Env("POSTGRES_PASSWORD", "secret"))
	app := dockertest.RunGo(t, "./cmd/server", nw, dockertest.Env("DB", "db:5432"), dockertest.Port(8080),
		dockertest.WaitHTTP(dockertest.HTTP{Path: "/healthz"}))
	fmt.Println(app.URL("http", 8080))
}

func ExampleVolume() {
	data := dockertest.Volume(t)
	dockertest.Run(t, "migrate:1", data.At("/data"), dockertest.WaitExit())
	dockertest.Run(t, "app:1", data.At("/data"), dockertest.Port(8080))
}

func ExampleBuild() {
	img := dockertest.Build(t, image.BuildOptions{Context: os.DirFS("testdata/app")})
	dockertest.Run(t, img, dockertest.Port(8080))
}

func ExampleRegistry() {
	reg := dockertest.Registry(t, server.Options{})
	ref := reg.Push("app:1", "team/app:1")
	reg.Inject(server.Fault{Repository: "team/app", Status: 503, Times: 2})
	dockertest.Run(t, ref) // the pull is tried again
}

func ExampleRequire() {
	dockertest.Require(t, "cgroups") // fails, and names the command that mends it
	dockertest.Skip(t)               // skips where no container runs at all, but not with CAISSON_TEST_NO_SKIP=1
}

func ExampleContainer_Pause() {
	c := dockertest.Run(t, "redis:8", dockertest.Port(6379))
	c.Pause() // what does the client do when the server hangs?
	c.Resume()
}
