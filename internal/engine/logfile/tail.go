package logfile

import (
	"bytes"
	"errors"
	"io"
)

// ReadTail opens the log at path where its last n lines begin. Lines are counted over both streams; one that is not
// ended counts.
func ReadTail(path string, n int) (*Reader, error) {
	r, err := Read(path, 0)
	if err != nil || r.f == nil {
		return r, err
	}
	end, err := r.size()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	at, skip, err := r.lastLines(end, n)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.at, r.skip, r.br = at, skip, nil
	return r, nil
}

// place is where a line begins: a record, and an offset in it.
type place struct {
	at   int64
	skip int
}

// lastLines finds the beginning of the last n lines before end.
func (r *Reader) lastLines(end int64, n int) (int64, int, error) {
	ring := make([]place, 0, min(n, 4096)) // the beginnings of the last n lines
	next := 0
	begin := true // a line begins with the next byte
	for {
		at := r.at
		e, err := r.read(end)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		for off := 0; off < len(e.Data); {
			if begin && n > 0 {
				if len(ring) < n {
					ring = append(ring, place{at, off})
				} else {
					ring[next] = place{at, off}
				}
				next = (next + 1) % n
			}
			i := bytes.IndexByte(e.Data[off:], '\n')
			if begin = i >= 0; !begin {
				break
			}
			off += i + 1
		}
	}
	if n == 0 || len(ring) == 0 {
		return r.at, 0, nil
	}
	first := ring[0]
	if len(ring) == n {
		first = ring[next]
	}
	return first.at, first.skip, nil
}
