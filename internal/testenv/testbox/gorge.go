package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// gorge DIR MARK fills the file system that DIR is on, makes the file MARK when that is done, and goes on to take what
// becomes free.
func gorge(a []string) int {
	f, err := os.Create(filepath.Join(a[0], "big"))
	if err != nil {
		return fail(err)
	}
	n := 0
	fill := func() {
		for _, size := range []int{1 << 20, 4096, 1} {
			for err := error(nil); err == nil; {
				_, err = f.Write(make([]byte, size))
			}
		}
		for err := error(nil); err == nil; n++ {
			err = os.WriteFile(filepath.Join(a[0], fmt.Sprint("small", n)), []byte("x"), 0o600)
		}
	}
	fill()
	if err := os.WriteFile(a[1], nil, 0o600); err != nil {
		return fail(err)
	}
	for {
		fill()
		time.Sleep(time.Millisecond)
	}
}
