//go:build linux

package network_test

func agentMain() int { return 0 }
