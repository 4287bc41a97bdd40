package host

import (
	"fmt"
	"os"
	"strings"
)

// OneID says whether this process's user namespace has one user or one group alone. Files of its store then have one
// owner, and its containers' processes one user. Nothing else asks this question.
func OneID() (bool, error) {
	for _, file := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		b, err := os.ReadFile(file)
		if err != nil {
			return false, err
		}
		one, err := single(string(b))
		if err != nil || one {
			return one, err
		}
	}
	return false, nil
}

// single reads the map of ids of a user namespace: lines of the first id inside, the first outside and their number.
func single(idMap string) (bool, error) {
	total := uint64(0)
	for line := range strings.Lines(idMap) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err != nil {
			return false, fmt.Errorf("the user namespace's map of ids %q is not three numbers a line: %w", line, err)
		}
		total += count
	}
	return total == 1, nil
}
