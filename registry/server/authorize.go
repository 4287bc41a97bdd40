package server

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
)

// realmName is the registry's name in a challenge.
const realmName = "caisson registry"

// authorizer decides. It keeps a keyed hash of each password, so that a comparison takes the same time for all.
type authorizer struct {
	open      bool
	bearer    bool
	realm     string
	key       []byte
	ttl       time.Duration
	users     []authUser
	anonymous []Access
}

type authUser struct {
	name, password [sha256.Size]byte
	user           User
}

// identity is who a request comes from, and what its token grants.
type identity struct {
	user   string // empty when anonymous
	token  bool
	grants []grant
}

// grant is an entry of a token's access (Docker's token specification, "access").
type grant struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func newAuthorizer(o Auth) (*authorizer, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	a := &authorizer{
		open: len(o.Users) == 0 && o.Anonymous == nil, bearer: o.Bearer, realm: o.Realm,
		key: o.TokenKey, ttl: cmp.Or(o.TokenTTL, 5*time.Minute), anonymous: o.Anonymous,
	}
	if a.key == nil {
		a.key = make([]byte, 32)
		_, _ = rand.Read(a.key) // never fails since Go 1.24
	}
	for _, u := range o.Users {
		a.users = append(a.users, authUser{name: a.hash("name", u.Name), password: a.hash("password", u.Password), user: u})
	}
	return a, nil
}

func (a *authorizer) hash(kind, s string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte(kind + "\x00" + s))
	h.Sum(sum[:0])
	return sum
}

// login checks a password. It does the same work for every name and every password: it compares with all users and
// never stops early.
func (a *authorizer) login(name, password string) bool {
	n, p := a.hash("name", name), a.hash("password", password)
	ok := 0
	for i := range a.users {
		u := &a.users[i]
		ok |= subtle.ConstantTimeCompare(n[:], u.name[:]) & subtle.ConstantTimeCompare(p[:], u.password[:])
	}
	return ok == 1
}

// may is what a user may do with a repository; the user is anonymous when empty.
func (a *authorizer) may(user, repo string) Permission {
	if a.open {
		return MayAll
	}
	p := permitted(a.anonymous, repo)
	for _, u := range a.users {
		if user != "" && u.user.Name == user {
			if u.user.Access == nil {
				return MayAll
			}
			p |= permitted(u.user.Access, repo)
		}
	}
	return p
}

func (a *authorizer) mayPull(user, repo string) bool { return a.may(user, repo)&MayPull != 0 }

// identify reads the credentials of a request; ok is false when they are wrong.
func (a *authorizer) identify(r *http.Request) (id identity, ok bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "":
		return id, true
	case a.bearer && strings.EqualFold(scheme, "Bearer"):
		t, ok := a.openToken(accessToken, strings.TrimSpace(value))
		return identity{user: t.User, token: true, grants: t.Access}, ok
	case !a.bearer && strings.EqualFold(scheme, "Basic"):
		name, password, ok := r.BasicAuth()
		ok = a.login(name, password) && ok
		return identity{user: name}, ok
	}
	return id, false
}

// need is what a route takes: a permission on a repository, or the catalog.
func (r route) need() Permission {
	switch {
	case r.kind == routeUpload || r.kind == routeUploads:
		return MayPush
	case r.method == http.MethodDelete:
		return MayDelete
	case r.writes():
		return MayPush
	}
	return MayPull
}

// scope is the same in a token's words.
func (r route) scope() string {
	switch r.kind {
	case routePing, routeToken:
		return ""
	case routeCatalog:
		return "registry:catalog:*"
	}
	need := r.need()
	if need == MayPush {
		need |= MayPull // what clients ask for
	}
	scope := "repository:" + r.repo + ":" + need.String()
	if r.from != "" {
		scope += " repository:" + r.from + ":pull"
	}
	return scope
}

// authorize lets the request through, or fails with ociregistry.ErrUnauthorized, having set the challenge, or
// ociregistry.ErrDenied.
func (s *Server) authorize(x *exchange, r *http.Request) error {
	a := s.auth
	if a.open {
		return nil
	}
	id, ok := a.identify(r)
	if !ok {
		return a.challenge(x, r, "invalid_token")
	}
	x.user, x.identity = id.user, id
	switch x.route.kind {
	case routePing:
		if id.user == "" && !id.token {
			return a.challenge(x, r, "")
		}
		return nil
	case routeCatalog:
		if a.bearer && !id.grantsCatalog() || id.user == "" && a.anonymous == nil {
			return a.challenge(x, r, "insufficient_scope")
		}
		return nil
	}
	need := x.route.need()
	if a.may(id.user, x.route.repo)&need == 0 {
		if id.user == "" {
			return a.challenge(x, r, "")
		}
		return fmt.Errorf("%w: user %s may not %s %s", ociregistry.ErrDenied, id.user, need, x.route.repo)
	}
	if a.bearer && !id.grants1(x.route.repo, need) && (id.token || permitted(a.anonymous, x.route.repo)&need == 0) {
		return a.challenge(x, r, "insufficient_scope")
	}
	if from := x.route.from; from != "" && a.mayPull(id.user, from) && !a.mayMount(id, from) {
		return a.challenge(x, r, "insufficient_scope")
	}
	return nil
}

// mayMount says whether the request may read blobs of another repository.
func (a *authorizer) mayMount(id identity, repo string) bool {
	return a.mayPull(id.user, repo) && (!id.token || id.grants1(repo, MayPull))
}

func (id identity) grants1(repo string, need Permission) bool {
	for _, g := range id.grants {
		if g.Type == "repository" && g.Name == repo && parsePermission(strings.Join(g.Actions, ","))&need != 0 {
			return true
		}
	}
	return false
}

func (id identity) grantsCatalog() bool {
	for _, g := range id.grants {
		if g.Type == "registry" && g.Name == "catalog" {
			return true
		}
	}
	return false
}

// challenge tells the client how to log in (RFC 7235; Docker's token specification).
func (a *authorizer) challenge(x *exchange, r *http.Request, problem string) error {
	if !a.bearer {
		x.Header().Set("WWW-Authenticate", `Basic realm="`+realmName+`", charset="UTF-8"`)
		return ociregistry.ErrUnauthorized
	}
	c := fmt.Sprintf(`Bearer realm=%q,service=%q`, a.realmURL(r), realmName)
	if scope := x.route.scope(); scope != "" {
		c += fmt.Sprintf(`,scope=%q`, scope)
	}
	if problem != "" {
		c += fmt.Sprintf(`,error=%q`, problem)
	}
	x.Header().Set("WWW-Authenticate", c)
	return ociregistry.ErrUnauthorized
}

func (a *authorizer) realmURL(r *http.Request) string {
	if a.realm != "" {
		return a.realm
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + tokenPath
}
