package gate

import "errors"

// A program's form, on the wire between parent and child: a header of eight
// bytes (magic, the filter's number of instructions, seccomp(2) flags), then
// the kernel's array of struct sock_filter. Numbers are little endian, as both
// amd64 and arm64 are.
const (
	HeaderSize      = 8
	InstructionSize = 8
	// MaxInstructions is the kernel's BPF_MAXINSNS.
	MaxInstructions = 4096

	magic = "bpf1"
)

// Ack is the child's answer when the filter is installed; any other is an
// error message. An answer ends with a newline.
const Ack = "ok"

// ErrProgram says that bytes are not a program.
var ErrProgram = errors.New("seccomp: malformed program")

// Encode puts the header before a filter. Flags are seccomp(2)'s
// SECCOMP_FILTER_FLAG_*; TSYNC is implied.
func Encode(flags uint16, filter []byte) ([]byte, error) {
	n := len(filter) / InstructionSize
	if n == 0 || n > MaxInstructions || len(filter)%InstructionSize != 0 {
		return nil, ErrProgram
	}
	p := make([]byte, 0, HeaderSize+len(filter))
	p = append(p, magic...)
	p = append(p, byte(n), byte(n>>8), byte(flags), byte(flags>>8))
	return append(p, filter...), nil
}

// Decode takes a program apart. The filter is part of p.
func Decode(p []byte) (flags uint16, filter []byte, err error) {
	if len(p) < HeaderSize {
		return 0, nil, ErrProgram
	}
	size, flags, ok := header(p)
	if !ok || len(p) != HeaderSize+size {
		return 0, nil, ErrProgram
	}
	return flags, p[HeaderSize:], nil
}

func header(p []byte) (size int, flags uint16, ok bool) {
	n := int(p[4]) | int(p[5])<<8
	flags = uint16(p[6]) | uint16(p[7])<<8
	return n * InstructionSize, flags, string(p[:4]) == magic && n > 0 && n <= MaxInstructions
}
