//go:build !linux

package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

type process struct{ socket string }

func start(ctx context.Context, root, run string, o Options) (*process, error) {
	return nil, fmt.Errorf("containers on %s: %w: %w: run the program on Linux, or in a Linux virtual machine", runtime.GOOS, api.ErrUnsupported, errors.ErrUnsupported)
}

func (p *process) gone() bool                   { return true }
func (p *process) stop() error                  { return nil }
func (p *process) addLogger(*slog.Logger)       {}
func (p *process) waitGone(time.Duration) error { return api.ErrAgentGone }
func onTmpfs(string) bool                       { return false }
func ownedBySelf(string) error                  { return nil }
