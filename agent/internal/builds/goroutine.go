//go:build linux

package builds

import (
	"bytes"
	"runtime"
	"strconv"
)

// The runtime tells a goroutine's number, and that of the one that started it, in stack traces alone. Nothing but the
// attribution of output to stages rests on it: were the traces' form to change, output would have no stage.

// goroutine is the present goroutine's number, or 0.
func goroutine() uint64 {
	var buf [64]byte
	_, rest, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	return leading(rest)
}

// parent is the number of the goroutine that started the present one, or 0.
func parent() uint64 {
	buf := make([]byte, 16<<10)
	stack := buf[:runtime.Stack(buf, false)]
	i := bytes.LastIndex(stack, []byte("\ncreated by "))
	if i < 0 {
		return 0
	}
	_, rest, _ := bytes.Cut(stack[i:], []byte(" in goroutine "))
	return leading(rest)
}

func leading(b []byte) uint64 {
	n := bytes.IndexFunc(b, func(r rune) bool { return r < '0' || r > '9' })
	if n < 0 {
		n = len(b)
	}
	v, err := strconv.ParseUint(string(b[:n]), 10, 64)
	if err != nil {
		return 0
	}
	return v
}
