//go:build linux

// Package procstat reads what the kernel says of a container's processes: which there are, for Top, and what they take,
// for Stats.
//
// It reads /proc and what it is given of cgroups, and nothing else. It looks for no container: who calls it knows the
// process ids, and keeps the first process from being another's by then.
package procstat
