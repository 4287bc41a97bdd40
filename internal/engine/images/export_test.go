package images

import (
	"bufio"
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/internal/engine/diskspace"
)

// Unpack unpacks a layer into dest as pulls do, and writes what is needed to pack it again to split.
func Unpack(ctx context.Context, dest string, r io.Reader, split io.Writer) (int64, digest.Digest, error) {
	guard, err := diskspace.NewGuard(ctx, dest)
	if err != nil {
		return 0, "", err
	}
	defer guard.Close()
	u := &unpack{options: &archive.TarOptions{}, owners: map[[2]int]bool{}, guard: guard}
	return u.layer(dest, bufio.NewReader(r), split)
}
