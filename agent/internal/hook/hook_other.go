//go:build !linux

// Package hook does nothing on this operating system: the agent runs on Linux.
package hook
