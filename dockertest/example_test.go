package dockertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// A test of its own database.
func ExampleRun() {
	TestOrders := func(t *testing.T) {
		pg := dockertest.Run(t, "postgres:17",
			dockertest.Env("POSTGRES_PASSWORD", "secret"),
			dockertest.Port(5432),
			dockertest.WaitLog("ready to accept connections").Times(2)) // the first is the initialisation's own server
		fmt.Println(pg.Addr(5432)) // 127.0.0.1:49153
	}
	_ = TestOrders // go test calls it
}

// A server with its data for each of many tests.
func ExamplePrepare() {
	ctx := context.Background()
	template, err := dockertest.Prepare(ctx, exampleImage(), func(ctx context.Context, f *dockertest.Fixture) error {
		return f.WriteFile(ctx, "/orders", []byte("17 orders"), 0o644, container.CopyOptions{})
	}, dockertest.Port(7000), dockertest.Modify(func(o *container.Options) { o.Lifecycle.StopSignal = "SIGKILL" }))
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		shop, err := template.Start(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer shop.Close()
		orders, err := shop.ReadFile(ctx, "/orders")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", orders)
	}
	// Output:
	// 17 orders
	// 17 orders
}

// A program that uses a container while it runs.
func ExampleStart() {
	ctx := context.Background()
	echo, err := dockertest.Start(ctx, exampleImage(), dockertest.Port(7000))
	if err != nil {
		log.Fatal(err)
	}
	defer echo.Close()

	addr, err := echo.Addr(ctx, 7000, "tcp")
	if err != nil {
		log.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "hello")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(answer)
	if err != nil {
		log.Fatal(err)
	}
	// Output: HELLO
}

// One container for all tests of a package: TestMain starts it, and each test binds it to itself.
func ExampleFixture_For() {
	var redis *dockertest.Fixture
	TestMain := func(m *testing.M) {
		var err error
		if redis, err = dockertest.Start(context.Background(), "redis:8", dockertest.Port(6379)); err != nil {
			log.Fatal(err)
		}
		os.Exit(m.Run()) // the container ends with the process
	}
	TestCache := func(t *testing.T) {
		c := redis.For(t) // what fails, fails this test
		c.Exec("redis-cli", "set", "greeting", "hello")
	}
	_, _ = TestMain, TestCache // go test calls them
}

// In a fuzz target the container belongs to the target, and a handle of it to each input.
func ExampleContainer_For() {
	FuzzQuery := func(f *testing.F) {
		db := dockertest.Run(f, "redis:8")
		f.Fuzz(func(t *testing.T, key string) {
			db.For(t).Exec("redis-cli", "set", key, "1")
		})
	}
	_ = FuzzQuery // go test calls it
}

func ExampleFixture_Exec() {
	ctx := context.Background()
	f, err := dockertest.Start(ctx, exampleImage(), dockertest.File("/etc/motd", []byte("good morning\n")))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	out, err := f.Exec(ctx, "/bin/testbox", "cat", "/etc/motd")
	fmt.Println(out, err)
	// Output: good morning <nil>
}

// A container that does not become ready says why.
func ExampleReadyError() {
	_, err := dockertest.Start(context.Background(), exampleImage(), dockertest.Cmd("chain", "echo", "no configuration", ";", "exit", "7"))
	var notReady *dockertest.ReadyError
	if errors.As(err, &notReady) {
		fmt.Println(notReady.State.ExitCode, notReady.Log)
	}
	// Output: 7 [no configuration]
}

// A condition of one's own: the handle's methods and the returned error are a reason to try again.
func ExampleWaitFunc() {
	ctx := context.Background()
	seeded := dockertest.WaitFunc("the seed", func(ctx context.Context, c *dockertest.Container) error {
		if got := c.Exec("/bin/testbox", "cat", "/data/seed"); got != "42" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	f, err := dockertest.Start(ctx, exampleImage(),
		dockertest.Cmd("chain", "write", "/data/seed", "42", ";", "sleep", "1h"),
		seeded.Within(30*time.Second).TryWithin(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	fmt.Println(f.Close())
	// Output:
	// ready
	// <nil>
}

func ExampleRunGo() {
	TestService := func(t *testing.T) {
		nw := dockertest.Network(t)
		dockertest.Run(t, "postgres:17", nw.Alias("db"), dockertest.Env("POSTGRES_PASSWORD", "secret"))
		app := dockertest.RunGo(t, "./cmd/server", nw, dockertest.Env("DB", "db:5432"), dockertest.Port(8080),
			dockertest.WaitHTTP(dockertest.HTTP{Path: "/healthz"}))
		fmt.Println(app.URL("http", 8080)) // http://127.0.0.1:49154
	}
	_ = TestService // go test calls it
}

func ExampleNetwork() {
	TestPair := func(t *testing.T) {
		nw := dockertest.Network(t)
		dockertest.Run(t, "postgres:17", nw.Alias("db"), dockertest.Env("POSTGRES_PASSWORD", "secret"))
		dockertest.Run(t, "app:1", nw, dockertest.Env("DB", "db:5432"))
	}
	_ = TestPair // go test calls it
}

// A server that tells its clients where to connect to.
func ExampleReserve() {
	TestEvents := func(t *testing.T) {
		at := dockertest.Reserve(t, 9092)
		dockertest.Run(t, "apache/kafka:4.0.0", at,
			dockertest.Env("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://"+at.Addr())) // and the rest of its configuration
	}
	_ = TestEvents // go test calls it
}

func ExampleVolume() {
	TestMigration := func(t *testing.T) {
		data := dockertest.Volume(t)
		dockertest.Run(t, "migrate:1", data.At("/data"), dockertest.WaitExit())
		dockertest.Run(t, "app:1", data.At("/data"), dockertest.Port(8080))
	}
	_ = TestMigration // go test calls it
}

func ExampleBuild() {
	TestApp := func(t *testing.T) {
		img := dockertest.Build(t, image.BuildOptions{Context: os.DirFS("testdata/app")})
		dockertest.Run(t, img, dockertest.Port(8080))
	}
	_ = TestApp // go test calls it
}

func ExampleRegistry() {
	TestMirror := func(t *testing.T) {
		reg := dockertest.Registry(t, server.Options{})
		ref := reg.Push("app:1", "team/app:1")
		reg.Inject(server.Fault{Repository: "team/app", Status: 503, Times: 2})
		dockertest.Run(t, ref) // the pull is tried again
	}
	_ = TestMirror // go test calls it
}

func ExampleRequire() {
	TestLimits := func(t *testing.T) {
		dockertest.Require(t, "cgroups") // fails, and names the command that mends it
	}
	TestApp := func(t *testing.T) {
		dockertest.Skip(t) // skips where no container runs at all, but not with CAISSON_TEST_NO_SKIP=1
	}
	_, _ = TestLimits, TestApp // go test calls them
}

func ExampleCheck() {
	for _, f := range dockertest.Check() {
		if !f.OK && f.Required {
			fmt.Println(f) // what is missing, and the command that mends it
		}
	}
	// Output:
}

func ExampleContainer_Pause() {
	TestTimeouts := func(t *testing.T) {
		c := dockertest.Run(t, "redis:8", dockertest.Port(6379))
		c.Pause() // what does the client do when the server hangs?
		c.Resume()
	}
	_ = TestTimeouts // go test calls it
}
