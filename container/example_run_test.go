package container_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
)

func ExampleContainer_Wait() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"exit", "3"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{})

	state, err := c.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Status, state.ExitCode)
	// Output: exited 3
}

func ExampleContainer_Command() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	out, err := c.Command("echo", "hello").Output(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
	// Output: hello
}

// A command with an environment, an input and an output of its own.
func ExampleCmd_Run() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	cmd := c.Command("upper")
	cmd.Env = []string{"LANG=C"}
	cmd.Stdin = strings.NewReader("hello\nagain\n")
	cmd.Stdout = os.Stdout
	if err := cmd.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// HELLO
	// AGAIN
}

// A command that fails: the error has its exit code and what it wrote to standard error.
func ExampleCmd_Output() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	_, err = c.Command("cat", "/no/such/file").Output(ctx)
	var exit *container.ExitError
	if errors.As(err, &exit) {
		fmt.Println(exit)
		fmt.Printf("%s", exit.Stderr)
	}
	// Output:
	// exit status 1
	// testbox: open /no/such/file: no such file or directory
}

func ExampleCmd_CombinedOutput() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	out, err := c.Command("cat", "/no/such/file").CombinedOutput(ctx)
	fmt.Printf("%s%v\n", out, err)
	// Output:
	// testbox: open /no/such/file: no such file or directory
	// exit status 1
}

// A command that runs beside the program.
func ExampleCmd_Start() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	var out bytes.Buffer
	cmd := c.Command("echo", "from the command")
	cmd.Stdout = &out
	if err := cmd.Start(ctx); err != nil {
		log.Fatal(err)
	}
	// The program does something else here.
	if err := cmd.Wait(); err != nil {
		log.Fatal(err)
	}
	fmt.Print(out.String())
	// Output: from the command
}

// Attach before Start, so that nothing is missed.
func ExampleContainer_Attach() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Create(ctx, container.Options{Image: "app:1", Cmd: []string{"upper"}, Stdin: true})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	a, err := c.Attach(ctx, container.AttachOptions{Stdin: strings.NewReader("hello\n"), Stdout: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	if err := c.Start(ctx); err != nil {
		log.Fatal(err)
	}
	state, err := a.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.ExitCode)
	// Output:
	// HELLO
	// 0
}

func ExampleContainer_Logs() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"echo", "hello"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	// Follow ends when the process has ended.
	err = c.Logs(ctx, container.LogsOptions{Follow: true, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

func ExampleContainer_LogEntries() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1", Cmd: []string{"echo", "hello"}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	for entry, err := range c.LogEntries(ctx, container.LogsOptions{Follow: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Time.IsZero(), entry.Stderr, entry.Line)
	}
	// Output: false false hello
}

func ExampleContainer_Stop() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	// The process gets SIGTERM, and SIGKILL if it still runs after the timeout.
	if err := c.Stop(ctx, container.StopOptions{Timeout: 10 * time.Millisecond}); err != nil {
		log.Fatal(err)
	}
	state, err := c.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Status)
	if err := c.Restart(ctx, container.StopOptions{}); err != nil {
		log.Fatal(err)
	}
	info, err := c.Inspect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.State.Status)
	// Output:
	// exited
	// running
}

func ExampleContainer_Kill() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.Kill(ctx, "SIGKILL"); err != nil {
		log.Fatal(err)
	}
	state, err := c.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.ExitCode, state.Signal)
	// Output: 137 SIGKILL
}

func ExampleContainer_WaitHealthy() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{
		Image:  "app:1",
		Health: container.HealthConfig{Test: []string{"CMD", "cat", "/data/note"}, Interval: 10 * time.Millisecond},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	if err := c.WaitHealthy(ctx); err != nil {
		log.Fatal(err)
	}
	info, err := c.Inspect(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Health.Status)
	// Output: healthy
}

func ExampleContainer_Top() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Remove(ctx, container.RemoveOptions{Force: true})

	procs, err := c.Top(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range procs {
		fmt.Println(p.PID, p.ParentPID, p.User)
	}
	// Output: 1 0 0
}

func ExampleContainer_Remove() {
	ctx := context.Background()
	engine := exampleEngine()
	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
	if err != nil {
		log.Fatal(err)
	}
	err = c.Remove(ctx, container.RemoveOptions{})
	fmt.Println(errors.Is(err, container.ErrRunning))
	err = c.Remove(ctx, container.RemoveOptions{Force: true})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}
