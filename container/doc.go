// Package container creates and runs containers, with no daemon.
//
//	engine, err := container.NewEngine(store, container.EngineOptions{})
//	if err != nil {
//		return err
//	}
//	c, err := engine.Start(ctx, container.Options{Image: "app:1"})
//	if err != nil {
//		return err
//	}
//	defer c.Remove(ctx, container.RemoveOptions{Force: true})
//	out, err := c.Command("cat", "/etc/os-release").Output(ctx)
//
// A container ends and is removed with the process that made it, however that process ends. With Options.Detach it
// outlives the process. Processes of the same user that open the same store see each other's containers: each can list,
// inspect, attach to, stop and remove all of them.
//
// # Errors
//
// The documentation of a function lists the errors that it returns and that errors.Is matches. Besides these, every
// function that takes a context returns context.Canceled or context.DeadlineExceeded when the context ends, and
// ErrAgentGone when the agent process has died. A context that was cancelled with a cause gives an error that matches
// the cause too.
//
// # Requirements
//
// Linux 5.11 or later with overlay; root, or a user who may make user namespaces. A user with a line in /etc/subuid and
// in /etc/subgid, and the programs newuidmap and newgidmap (Debian package uidmap), has containers with all user ids.
// Without these, a container has one user id only.
package container
