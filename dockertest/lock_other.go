//go:build !linux

package dockertest

import (
	"context"
	"errors"
	"os"
)

var errLocked = errors.New("another process has the lock")

func lock(context.Context, ...string) (unlock func(), err error) { return nil, errors.ErrUnsupported }

func tryLock(string) (*os.File, error) { return nil, errors.ErrUnsupported }
