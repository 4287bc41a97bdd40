//go:build linux

package containers

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// numberSet reads a list of numbers and ranges, as 0-2,4: cpuset(7).
func numberSet(s string) (map[int]bool, bool) {
	set := map[int]bool{}
	for part := range strings.SplitSeq(strings.TrimSpace(s), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 13) // the kernel has at most 8192 of either
		if err != nil {
			return nil, false
		}
		b, err := strconv.ParseUint(to, 10, 13)
		if err != nil || b < a {
			return nil, false
		}
		for n := a; n <= b; n++ {
			set[int(n)] = true
		}
	}
	return set, true
}

// validateSet refuses a set that is malformed or names what is not online.
func validateSet(field, value, online string) error {
	if value == "" {
		return nil
	}
	want, ok := numberSet(value)
	if !ok {
		return invalid("%s %q: use numbers and ranges, as 0-2,4", field, value)
	}
	b, err := os.ReadFile(online)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = []byte("0"), nil // a kernel without NUMA
	}
	if err != nil {
		return err
	}
	have, ok := numberSet(string(b))
	for n := range want {
		if ok && !have[n] {
			return invalid("%s %q: the host has %s", field, value, strings.TrimSpace(string(b)))
		}
	}
	return nil
}
