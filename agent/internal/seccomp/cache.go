package seccomp

import (
	"crypto/sha256"
	"encoding/json"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// cacheSize bounds a [Cache]: containers of one owner seldom have more than a
// few profiles, and a program has about three kilobytes.
const cacheSize = 64

// Cache keeps compiled programs by their profile's content. The zero value is
// ready; its methods are safe for use by several goroutines.
type Cache struct {
	mu       sync.Mutex
	programs map[[sha256.Size]byte][]byte
}

// Compile is [Compile], once for each content and architecture. The program is
// shared: do not write to it.
func (c *Cache) Compile(s *specs.LinuxSeccomp, goarch string) ([]byte, error) {
	key, err := contentKey(s, goarch)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	p, ok := c.programs[key]
	c.mu.Unlock()
	if ok {
		return p, nil
	}
	if p, err = Compile(s, goarch); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.programs == nil || len(c.programs) >= cacheSize {
		c.programs = map[[sha256.Size]byte][]byte{}
	}
	c.programs[key] = p
	return p, nil
}

func contentKey(s *specs.LinuxSeccomp, goarch string) (key [sha256.Size]byte, err error) {
	h := sha256.New()
	h.Write([]byte(goarch + "\n"))
	if err := json.NewEncoder(h).Encode(s); err != nil {
		return key, profileError("%w", err)
	}
	h.Sum(key[:0])
	return key, nil
}
