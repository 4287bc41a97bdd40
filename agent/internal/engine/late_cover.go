//go:build linux && agentcover

package engine

const late = true
