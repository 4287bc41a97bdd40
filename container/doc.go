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
// A container ends and is removed with the process that made it, however that process ends, unless Options.Detach is
// set. Any process of the same user that opens the same store can list, inspect, wait for, attach to, stop and remove
// the containers of all others.
//
// Requirements: Linux 5.11 or later with overlay; as root, or as a user who may make user namespaces. With a line for
// the user in /etc/subuid and /etc/subgid and the programs newuidmap and newgidmap (Debian: uidmap), a container has
// all its user ids; without them it has one.
package container
