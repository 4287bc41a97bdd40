//go:build linux

package work

// ByStore returns the service as it is where the storage driver mounts and packs layers.
func (s *Service) ByStore() *Service {
	out := New(s.Config)
	out.slow = true
	return out
}
