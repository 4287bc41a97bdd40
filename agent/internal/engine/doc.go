//go:build linux

// Package engine is an agent's life: it enters the agents of a store, serves their owner's requests, and retires.
//
// An owner's agent lives as long as its lifeline. An agent of a detached container lives as long as its container runs or
// a request is being served, and then gives the container back. The last agent of a store to leave removes the run root.
//
// The room may touch this process, its mount namespace, the run root and the directory of this agent in it. What is done
// with images, builds and containers is their rooms': it puts these together, and no other room imports it.
package engine
