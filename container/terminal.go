package container

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/caisson-dev/caisson/internal/api"
)

// Size is the size of a terminal, in characters.
type Size struct {
	Width  uint16 `json:"width"`
	Height uint16 `json:"height"`
}

// ErrDetached: the detach keys were typed. The container goes on.
var ErrDetached = errors.New("detached")

// DefaultDetachKeys are the detach keys that Docker has by default.
const DefaultDetachKeys = "ctrl-p,ctrl-q"

// parseDetachKeys reads keys as Docker does: letters or ctrl-<value> separated by commas, where the value is a letter
// or one of @ [ \\ ] ^ _.
func parseDetachKeys(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var keys []byte
	for _, k := range strings.Split(s, ",") {
		rest, ctrl := strings.CutPrefix(strings.ToLower(k), "ctrl-")
		switch {
		case !ctrl && len(k) == 1:
			keys = append(keys, k[0])
		case ctrl && len(rest) == 1 && rest[0] >= 'a' && rest[0] <= 'z':
			keys = append(keys, rest[0]-'a'+1)
		case ctrl && len(rest) == 1 && strings.Contains(`@[\]^_`, rest):
			keys = append(keys, rest[0]&0x1f)
		default:
			return nil, api.Errorf(ErrInvalidArgument, "AttachOptions.DetachKeys %q: %q is not a valid key: use letters and ctrl-a to ctrl-z, ctrl-@, ctrl-[, ctrl-\\, ctrl-], ctrl-^ or ctrl-_, separated by commas", s, k)
		}
	}
	return keys, nil
}

// detachReader ends with ErrDetached when the keys come in a row. What may become the keys is held back until it is
// known.
type detachReader struct {
	r    io.Reader
	keys []byte
	held int    // how many of the keys have come
	out  []byte // read and not yet given
	err  error
}

func (d *detachReader) Read(p []byte) (int, error) {
	for len(d.out) == 0 && d.err == nil {
		buf := make([]byte, 4096)
		n, err := d.r.Read(buf)
		d.scan(buf[:n])
		if d.err == nil {
			d.err = err
		}
		if d.err != nil && !errors.Is(d.err, ErrDetached) {
			d.out, d.held = append(d.out, d.keys[:d.held]...), 0
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	if len(d.out) == 0 && d.err != nil {
		return n, d.err
	}
	return n, nil
}

func (d *detachReader) scan(b []byte) {
	for _, c := range b {
		for c != d.keys[d.held] && d.held > 0 {
			// Give out what turned out not to begin the keys, and see whether they begin later in it.
			held := d.keys[:d.held]
			shift := 1
			for shift < len(held) && !bytes.HasPrefix(d.keys, held[shift:]) {
				shift++
			}
			d.out = append(d.out, held[:shift]...)
			d.held -= shift
		}
		if c != d.keys[d.held] {
			d.out = append(d.out, c)
			continue
		}
		if d.held++; d.held == len(d.keys) {
			d.err = ErrDetached
			return
		}
	}
}
