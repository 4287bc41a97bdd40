//go:build !linux

package dockertest

func (f *Fixture) listening() []string { return nil }
