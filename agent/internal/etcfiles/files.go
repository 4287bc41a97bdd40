package etcfiles

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
)

// Options say what a container's files hold.
type Options struct {
	Hostname string
	Domain   string // may be empty
	Hosts    []Host // further lines of hosts

	// What the user says about names. Nil: the network's or the host's.
	Servers       []netip.Addr
	Search        []string // "." alone: none
	ResolvOptions []string

	// The container's places on networks, and the host's resolv.conf.
	Endpoints []Endpoint
	Host      ResolvConf

	// Base are the files that a container without a place of its own begins with: those of the host or of another
	// container whose network it shares. The zero value is for a container without a network.
	Base Files
}

// Endpoint is a place on a network. Addresses that it does not have are not valid.
type Endpoint struct {
	IPv4, IPv6 netip.Addr // the container's
	DNS        netip.Addr // of the network's name server
	Host       netip.Addr // the host's, as the network knows it
}

// Files are the contents. Nil is a file that is not there, or not written.
type Files struct{ Hostname, Hosts, ResolvConf []byte }

// Render returns what the files hold.
func Render(o Options) Files {
	return Files{Hostname: []byte(o.Hostname + "\n"), Hosts: o.hosts(), ResolvConf: o.resolvConf()}
}

// all are the files by their names.
func (f *Files) all() map[string]*[]byte {
	return map[string]*[]byte{"hostname": &f.Hostname, "hosts": &f.Hosts, "resolv.conf": &f.ResolvConf}
}

// Read reads the files of a directory such as /etc.
func Read(dir string) (Files, error) {
	var f Files
	for name, to := range f.all() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		*to = b
	}
	return f, nil
}

// Write writes the files into a directory, in place: a container that runs has them mounted. Everybody may read them,
// whatever the umask is.
func (f Files) Write(dir string) error {
	for name, b := range f.all() {
		if *b == nil {
			continue
		}
		path := filepath.Join(dir, name)
		if err := overwrite(path, *b); err != nil {
			return err
		}
		if err := os.Chmod(path, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// overwrite changes a file at one blow, as far as a file can be: a container that looks a name up meanwhile must not find
// it empty.
func overwrite(path string, b []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, b) {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(b))); err != nil {
		return err
	}
	return f.Close()
}
