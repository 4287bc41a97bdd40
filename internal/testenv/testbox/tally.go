package main

import (
	"fmt"
	"os"
)

// tally counts in two files, the first of which is never behind the second, and never ahead of it by more than one. The files
// are always whole: a number is written by one call, in the place of the last.
func tally(a []string) int {
	var files []*os.File
	for _, name := range a {
		f, err := os.Create(name)
		if err != nil {
			return fail(err)
		}
		files = append(files, f)
	}
	for n := 0; ; n++ {
		for _, f := range files {
			if _, err := f.WriteAt([]byte(fmt.Sprintf("%012d", n)), 0); err != nil {
				return fail(err)
			}
		}
		if n == 0 {
			fmt.Println("ready")
		}
	}
}
