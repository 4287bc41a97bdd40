package transfer

import (
	"errors"
	"io"
	"regexp"
	"sync"
)

// broken is a connection that broke before its content had come. Another attempt may do better.
type broken struct{ err error }

// Error leaves out what upstream writes for its own developers.
func (b *broken) Error() string { return tuningData().ReplaceAllString(b.err.Error(), "") }

func (b *broken) Unwrap() error { return b.err }

// tuningData is in the errors of upstream's reader of blobs.
var tuningData = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\(heuristic tuning data: [^)]*\): `) })

// connectionError is for what a registry sends other than layers, whose readers know themselves why they end early.
func connectionError(err error) error {
	if err == nil || isOurs(err) || errors.As(err, new(*broken)) || !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &broken{err}
}
