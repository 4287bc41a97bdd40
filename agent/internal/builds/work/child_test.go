//go:build linux

package work_test

func child() {}
