//go:build !linux

// Package agent does nothing on this operating system: the agent runs on Linux.
package agent
