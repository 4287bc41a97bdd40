package server

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// Auth says who may do what. The zero value allows everything to everyone. Without TLS, passwords and tokens are sent
// unencrypted.
type Auth struct {
	// Users are the accounts that may log in. If Users or Anonymous is set, then whatever neither of them allows is refused.
	// Default: none.
	Users []User

	// Anonymous is what clients may do without a login. Default: everything if there are no Users, otherwise nothing.
	Anonymous []Access

	// Bearer makes clients fetch a token from the registry's /token and send that, instead of the password with every
	// request. Docker Hub does the same.
	Bearer bool

	// TokenKey signs tokens. It has at least 32 bytes. Servers that have the same key accept each other's tokens.
	// Default: a random key.
	TokenKey []byte

	// TokenTTL is how long a token is valid: at least one minute, which clients assume. Default: 5 minutes.
	TokenTTL time.Duration

	// Realm is the URL of /token that clients are sent to. Set it behind a proxy. Default: the request's own host.
	Realm string
}

// User is a name, its password and what it may do.
type User struct {
	Name     string
	Password string

	// Access is what the user may do. Default: everything.
	Access []Access
}

// Access gives permissions for the repositories that match a pattern.
type Access struct {
	// Repository is a pattern such as "team/*", "team/**" or "**". Each component is a pattern of path.Match, and a last
	// component ** matches everything below. Default: all repositories.
	Repository string

	// May is the set of operations that are allowed, such as MayPull|MayPush. Default: none.
	May Permission
}

// Permission is a set of operations, combined with |.
type Permission uint8

// Operations that Access allows.
const (
	// MayPull allows to read manifests, blobs, tags and referrers, and shows the repository in the catalog.
	MayPull Permission = 1 << iota
	// MayPush allows to write blobs, manifests and tags.
	MayPush
	// MayDelete allows to delete tags, manifests and blobs.
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
