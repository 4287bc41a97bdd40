//go:build linux

package network

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// Options say where networks are kept.
type Options struct {
	Dir        string       // state directory, made when missing; best on tmpfs
	ResolvConf string       // the host's resolvers; "": /etc/resolv.conf
	Logger     *slog.Logger // nil: silent
	// Reserved are subnets of networks that do not exist now, and shall again: none of them is chosen. nil: none.
	Reserved func() ([]netip.Prefix, error)
	// Shares are what containers may hold of this process together. nil: by the process's and the machine's limits.
	Shares *share.Pool
}

var errRemoved = errors.New("removed")

// Manager knows the networks of one state directory. Its methods are safe for concurrent use, also by
// several processes.
type Manager struct {
	opts     Options
	lock     *lockFile
	upstream *upstream

	mu     sync.Mutex
	joined map[string]*Network // by directory
	states map[string]*stateDir
	gen    uint64
	listed bool
}

// Open opens, and makes when missing, a state directory.
func Open(opts Options) (*Manager, error) {
	if opts.ResolvConf == "" {
		opts.ResolvConf = "/etc/resolv.conf"
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Shares == nil {
		size, err := capacity()
		if err != nil {
			return nil, fmt.Errorf("open networks: %w", err)
		}
		opts.Shares = share.New(size)
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open networks: %w", err)
	}
	l, err := openLockFile(filepath.Join(opts.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("open networks: %w", err)
	}
	return &Manager{
		opts: opts, lock: l, upstream: newUpstream(opts.ResolvConf),
		joined: map[string]*Network{}, states: map[string]*stateDir{},
	}, nil
}

// Shares are what containers may hold of this process together.
func (m *Manager) Shares() *share.Pool { return m.opts.Shares }

// Close leaves every network joined and releases the directory.
func (m *Manager) Close() error {
	m.mu.Lock()
	joined := make([]*Network, 0, len(m.joined))
	for _, n := range m.joined {
		joined = append(joined, n)
	}
	m.mu.Unlock()
	var errs []error
	for _, n := range joined {
		errs = append(errs, n.close())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.states {
		errs = append(errs, s.close())
	}
	clear(m.states)
	return errors.Join(append(errs, m.lock.close())...)
}

// Create records a network; no process holds it until somebody joins. Errors: ErrExists, plan.ErrInvalid,
// plan.ErrSubnetOverlap, plan.ErrNoFreeSubnet, ErrNoIPv6.
func (m *Manager) Create(ctx context.Context, spec plan.Spec) (plan.Info, error) {
	if err := ctx.Err(); err != nil {
		return plan.Info{}, err
	}
	if err := spec.Validate(); err != nil {
		return plan.Info{}, err
	}
	if (spec.EnableIPv6 || spec.IPv6.IsValid()) && !haveIPv6() {
		return plan.Info{}, fmt.Errorf("create network %s: %w: boot without ipv6.disable=1, or make the network without IPv6", spec.Name, ErrNoIPv6)
	}
	if err := m.lock.lock(); err != nil {
		return plan.Info{}, err
	}
	defer m.lock.unlock()
	m.removeStale()
	if err := m.address(&spec); err != nil {
		return plan.Info{}, err
	}
	id := randomID()
	dir := filepath.Join(m.opts.Dir, spec.Name+"@"+id)
	// Filled beside its place and renamed into it, so that nobody finds half a network.
	tmp := filepath.Join(m.opts.Dir, ".new-"+id)
	if err := os.MkdirAll(filepath.Join(tmp, "holders"), 0o700); err != nil {
		return plan.Info{}, err
	}
	s, err := openStateDir(tmp)
	if err != nil {
		return plan.Info{}, err
	}
	defer s.close()
	if err := s.save(&plan.Record{Spec: spec, Last4: spec.Gateway4, Last6: spec.Gateway6}); err != nil {
		return plan.Info{}, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return plan.Info{}, err
	}
	return plan.Info{Spec: spec}, m.lock.bump()
}

// address gives the network its subnets; the manager's lock is held.
func (m *Manager) address(spec *plan.Spec) error {
	taken, err := hostPrefixes()
	if err != nil {
		return err
	}
	records, err := m.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Spec.Name == spec.Name {
			return fmt.Errorf("create network %s: %w", spec.Name, ErrExists)
		}
		taken = append(taken, r.Spec.IPv4)
		if r.Spec.IPv6.IsValid() {
			taken = append(taken, r.Spec.IPv6)
		}
	}
	for _, p := range []netip.Prefix{spec.IPv4, spec.IPv6} {
		if hit, overlap := plan.FirstOverlap(p, taken); p.IsValid() && overlap {
			return fmt.Errorf("create network %s: %s: %w with %s, which the host or another network uses: choose another, or none to take a free one",
				spec.Name, p, plan.ErrSubnetOverlap, hit)
		}
	}
	if m.opts.Reserved != nil {
		reserved, err := m.opts.Reserved()
		if err != nil {
			return err
		}
		taken = append(taken, reserved...)
	}
	if !spec.IPv4.IsValid() {
		if spec.IPv4, err = plan.ChooseIPv4(taken); err != nil {
			return err
		}
	}
	if spec.EnableIPv6 && !spec.IPv6.IsValid() {
		if spec.IPv6, err = plan.ChooseIPv6(taken); err != nil {
			return err
		}
	}
	return spec.Complete()
}

// List returns the networks, by name.
func (m *Manager) List() ([]plan.Info, error) {
	records, err := m.records()
	if err != nil {
		return nil, err
	}
	var infos []plan.Info
	for dir, r := range records {
		infos = append(infos, info(r, dir))
	}
	slices.SortFunc(infos, func(a, b plan.Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Inspect returns one network. Errors: ErrNotFound.
func (m *Manager) Inspect(name string) (plan.Info, error) {
	dir, s, err := m.find(name)
	if err != nil {
		return plan.Info{}, err
	}
	r, err := s.view()
	if err != nil {
		return plan.Info{}, err
	}
	return info(r, dir), nil
}

func info(r *plan.Record, dir string) plan.Info {
	alive := liveHolders(dir)
	i := plan.Info{Spec: r.Spec, Holders: len(alive)}
	for _, e := range r.Endpoints {
		if slices.Contains(alive, e.Holder) {
			i.Endpoints = append(i.Endpoints, e.EndpointInfo)
		}
	}
	return i
}

// Remove deletes a network without endpoints. Errors: ErrNotFound, ErrInUse.
func (m *Manager) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.lock.lock(); err != nil {
		return err
	}
	defer m.lock.unlock()
	dir, s, err := m.find(name)
	if err != nil {
		return err
	}
	err = s.update(func(r *plan.Record) error {
		dropDead(dir, r)
		if len(r.Endpoints) > 0 {
			return fmt.Errorf("remove network %s: %w: %d containers are attached, %s among them", name, ErrInUse, len(r.Endpoints), r.Endpoints[0].Name)
		}
		if err := os.Remove(s.path()); err != nil { // from here on nobody can attach
			return err
		}
		return errRemoved // nothing to save
	})
	if err != errRemoved {
		return err
	}
	m.mu.Lock()
	n := m.joined[dir]
	m.mu.Unlock()
	if n != nil {
		n.letGo()
	}
	return errors.Join(os.RemoveAll(dir), m.lock.bump())
}

// removeStale deletes transient networks that nobody holds any more, and halves of networks; the lock is held.
func (m *Manager) removeStale() {
	entries, _ := os.ReadDir(m.opts.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".new-") {
			os.RemoveAll(filepath.Join(m.opts.Dir, e.Name()))
		}
	}
	records, err := m.records()
	if err != nil {
		return
	}
	for dir, r := range records {
		if r.Spec.Transient && r.Joined && len(liveHolders(dir)) == 0 {
			os.RemoveAll(dir)
			m.lock.bump()
		}
	}
}

// records returns every network's record by directory.
func (m *Manager) records() (map[string]*plan.Record, error) {
	states, err := m.list()
	if err != nil {
		return nil, err
	}
	all := make(map[string]*plan.Record, len(states))
	for dir, s := range states {
		r, err := s.view()
		if errors.Is(err, ErrNotFound) {
			continue // removed just now
		}
		if err != nil { // it must not take the others away
			m.opts.Logger.Warn("a network's record is damaged", "error", err)
			continue
		}
		all[dir] = r
	}
	return all, nil
}

// list returns the state directories, remembered until a network is made or removed.
func (m *Manager) list() (map[string]*stateDir, error) {
	gen := m.lock.generation()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listed && gen == m.gen {
		return m.states, nil
	}
	entries, err := os.ReadDir(m.opts.Dir)
	if err != nil {
		return nil, err
	}
	states := make(map[string]*stateDir, len(entries))
	for _, e := range entries {
		if !strings.Contains(e.Name(), "@") {
			continue
		}
		dir := filepath.Join(m.opts.Dir, e.Name())
		if s, ok := m.states[dir]; ok {
			states[dir] = s
		} else if s, err := openStateDir(dir); err == nil {
			states[dir] = s
		}
	}
	for dir, s := range m.states {
		if states[dir] == nil {
			s.close()
		}
	}
	m.states, m.gen, m.listed = states, gen, true
	return states, nil
}

func (m *Manager) find(name string) (string, *stateDir, error) {
	states, err := m.list()
	if err != nil {
		return "", nil, err
	}
	for dir, s := range states {
		if n, _, _ := strings.Cut(filepath.Base(dir), "@"); n == name {
			return dir, s, nil
		}
	}
	return "", nil, fmt.Errorf("network %s: %w: create it first", name, ErrNotFound)
}

func randomID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
