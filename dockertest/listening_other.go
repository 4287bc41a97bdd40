//go:build !linux

package dockertest

func (c *Container) listening() []string { return nil }
