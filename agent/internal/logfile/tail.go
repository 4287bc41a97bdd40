package logfile

import (
	"bytes"
	"errors"
	"io"
)

// ReadTail reads the log from where its last n lines begin. Lines are counted over both streams; one that is not ended
// counts.
func (l *Log) ReadTail(n int) (*Reader, error) {
	r, err := l.Read(Pos{}) // from now on, nothing goes
	if err != nil {
		return nil, err
	}
	from, skip := r.end, 0
	if n > 0 {
		if from, skip, err = l.lastLines(n); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.file, r.at, r.skip = from.File, from.At, skip
	return r, nil
}

// lineBegin is where a line begins: a record, and an offset in it.
type lineBegin struct {
	at   Pos
	skip int
}

// lastLines finds the beginning of the last n lines.
func (l *Log) lastLines(n int) (at Pos, skip int, err error) {
	r, err := l.Read(Pos{})
	if err != nil {
		return Pos{}, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	ring := make([]lineBegin, 0, min(n, 4096)) // the beginnings of the last n lines
	next := 0
	begin := true // a line begins with the next byte
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Pos{}, 0, err
		}
		at := Pos{r.file, r.at - int64(headerSize+len(e.Data))}
		for off := 0; off < len(e.Data); {
			if begin {
				if len(ring) < n {
					ring = append(ring, lineBegin{at, off})
				} else {
					ring[next] = lineBegin{at, off}
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
	if len(ring) == 0 {
		return r.place(), 0, nil
	}
	first := ring[0]
	if len(ring) == n {
		first = ring[next]
	}
	return first.at, first.skip, nil
}
