package server

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// Auth says who may do what. Zero: everyone everything. Passwords and tokens pass in the clear unless the registry is
// served with TLS.
type Auth struct {
	// Users may log in. When there are any, or Anonymous is set, every other request is refused.
	Users []User

	// Anonymous is what one may do without logging in; nothing when nil and there are Users.
	Anonymous []Access

	// Bearer has clients fetch tokens from the registry's /token and send those, as Docker Hub does, instead of the
	// password with every request.
	Bearer bool

	// TokenKey signs tokens: 32 bytes or more, the same for all servers that are to accept each other's tokens; made
	// at random when nil.
	TokenKey []byte

	// TokenTTL is how long a token is good for; 5 minutes when 0, at least one, as clients assume.
	TokenTTL time.Duration

	// Realm is the URL of /token as clients see it; taken from the request when empty. Set it behind a proxy.
	Realm string
}

// User is a name, its password and what it may do.
type User struct {
	Name     string
	Password string

	// Access is what the user may do; everything when nil.
	Access []Access
}

// Access is what may be done with some repositories.
type Access struct {
	// Repository is a pattern: as for path.Match in each component, and a last component ** for all below, so
	// "team/*", "team/**" or "**"; all repositories when empty.
	Repository string

	// May is what is allowed; nothing when 0.
	May Permission
}

// Permission is a set of operations.
type Permission uint8

// Operations that Access allows.
const (
	// MayPull is to read: manifests, blobs, tags, referrers, and to see the repository in the catalog.
	MayPull Permission = 1 << iota
	// MayPush is to write blobs, manifests and tags.
	MayPush
	// MayDelete is to delete tags, manifests and blobs.
	MayDelete

	// MayAll is all of the above.
	MayAll = MayPull | MayPush | MayDelete
)

var permissionNames = []struct {
	p    Permission
	name string
}{{MayPull, "pull"}, {MayPush, "push"}, {MayDelete, "delete"}}

// String lists the operations as a token's scope does: "pull,push".
func (p Permission) String() string {
	var names []string
	for _, n := range permissionNames {
		if p&n.p != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

func parsePermission(s string) (p Permission) {
	for name := range strings.SplitSeq(s, ",") {
		if name == "*" {
			return MayAll
		}
		for _, n := range permissionNames {
			if n.name == name {
				p |= n.p
			}
		}
	}
	return p
}

func (a Auth) check() error {
	seen := map[string]bool{}
	lists := [][]Access{a.Anonymous}
	for _, u := range a.Users {
		switch {
		case u.Name == "" || strings.ContainsAny(u.Name, ":\x00"):
			return fmt.Errorf("%w: user name %q: must not be empty or have a colon", ErrInvalidArgument, u.Name)
		case u.Password == "":
			return fmt.Errorf("%w: user %q has no password", ErrInvalidArgument, u.Name)
		case seen[u.Name]:
			return fmt.Errorf("%w: user %q is given twice", ErrInvalidArgument, u.Name)
		}
		seen[u.Name] = true
		lists = append(lists, u.Access)
	}
	for _, list := range lists {
		for _, access := range list {
			if _, err := path.Match(access.Repository, ""); err != nil {
				return fmt.Errorf("%w: repository pattern %q: %w", ErrInvalidArgument, access.Repository, err)
			}
		}
	}
	if n := len(a.TokenKey); n != 0 && n < 32 {
		return fmt.Errorf("%w: the token key has %d bytes, must have 32 or more", ErrInvalidArgument, n)
	}
	if a.TokenTTL != 0 && a.TokenTTL < time.Minute {
		return fmt.Errorf("%w: a token's life of %v: must be a minute or more", ErrInvalidArgument, a.TokenTTL)
	}
	return nil
}

// permitted is what a list allows for a repository.
func permitted(list []Access, repo string) (p Permission) {
	for _, a := range list {
		if matchRepository(a.Repository, repo) {
			p |= a.May
		}
	}
	return p
}

func matchRepository(pattern, repo string) bool {
	if pattern == "" || pattern == "**" {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/**"); ok {
		depth := strings.Count(prefix, "/") + 1
		parts := strings.SplitN(repo, "/", depth+1)
		if len(parts) <= depth {
			return false
		}
		pattern, repo = prefix, strings.Join(parts[:depth], "/")
	}
	ok, _ := path.Match(pattern, repo) // the pattern has been checked
	return ok
}
