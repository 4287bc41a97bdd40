package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
)

// tokenPath is where clients fetch tokens (Docker's token specification, in its GET and its OAuth2 form).
const tokenPath = "/token"

// Kinds of tokens. The kind is part of what is signed, so neither passes for the other.
const (
	accessToken  = "access"
	refreshToken = "refresh"
)

// refreshTTL is the life of an identity token, which a client keeps in its auth.json in place of the password.
const refreshTTL = 90 * 24 * time.Hour

// tokenBody is what a token says.
type tokenBody struct {
	User    string  `json:"sub"`
	Expires int64   `json:"exp"` // seconds since 1970
	Access  []grant `json:"access,omitempty"`
}

func (a *authorizer) mac(kind, payload string) []byte {
	h := hmac.New(sha256.New, a.key)
	h.Write([]byte("token\x00" + kind + "\x00" + payload))
	return h.Sum(nil)
}

func (a *authorizer) makeToken(kind string, t tokenBody) string {
	data, _ := json.Marshal(t) // strings and a number can't fail
	payload := base64.RawURLEncoding.EncodeToString(data)
	return payload + "." + base64.RawURLEncoding.EncodeToString(a.mac(kind, payload))
}

func (a *authorizer) openToken(kind, s string) (t tokenBody, ok bool) {
	payload, sum, _ := strings.Cut(s, ".")
	mac, err := base64.RawURLEncoding.DecodeString(sum)
	if err != nil || !hmac.Equal(mac, a.mac(kind, payload)) {
		return t, false
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(data, &t) != nil {
		return tokenBody{}, false
	}
	return t, time.Now().Unix() < t.Expires
}

// tokenRequest is what both forms of the request ask for.
type tokenRequest struct {
	user    string
	ok      bool // the credentials, or their absence, are in order
	scopes  []string
	offline bool
}

func (s *Server) handleToken(x *exchange, r *http.Request) error {
	if s.auth.open || !s.auth.bearer {
		return pageNotFound()
	}
	var q tokenRequest
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(x, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			return badRequest("UNSUPPORTED", "the form can't be parsed")
		}
		q = s.auth.oauth(r.PostForm)
	} else {
		q.scopes, q.offline = x.route.query["scope"], x.route.query.Get("offline_token") == "true"
		name, password, given := r.BasicAuth()
		if q.ok = !given && r.Header.Get("Authorization") == "" && s.auth.anonymous != nil; given {
			q.user, q.ok = name, s.auth.login(name, password)
		}
	}
	if !q.ok {
		x.Header().Set("WWW-Authenticate", `Basic realm="`+realmName+`", charset="UTF-8"`)
		return ociregistry.ErrUnauthorized
	}
	x.user = q.user
	x.Header().Set("Cache-Control", "no-store")
	return writeJSON(x, "application/json", s.auth.answer(q))
}

func (a *authorizer) oauth(form url.Values) tokenRequest {
	q := tokenRequest{scopes: strings.Fields(form.Get("scope")), offline: form.Get("access_type") == "offline"}
	switch form.Get("grant_type") {
	case "password":
		q.user = form.Get("username")
		q.ok = a.login(q.user, form.Get("password"))
	case "refresh_token":
		var t tokenBody
		t, q.ok = a.openToken(refreshToken, form.Get("refresh_token"))
		q.user = t.User
	}
	return q
}

// answer grants what of the scopes the user may have. That some are missing is not an error: the registry will say.
func (a *authorizer) answer(q tokenRequest) map[string]any {
	now := time.Now()
	t := tokenBody{User: q.user, Expires: now.Add(a.ttl).Unix()}
	for _, scopes := range q.scopes {
		for scope := range strings.FieldsSeq(scopes) {
			if g, ok := a.grant(q.user, scope); ok {
				t.Access = append(t.Access, g)
			}
		}
	}
	token := a.makeToken(accessToken, t)
	answer := map[string]any{
		"token": token, "access_token": token, "expires_in": int(a.ttl.Seconds()),
		"issued_at": now.UTC().Format(time.RFC3339),
	}
	if q.offline && q.user != "" {
		answer["refresh_token"] = a.makeToken(refreshToken, tokenBody{User: q.user, Expires: now.Add(refreshTTL).Unix()})
	}
	return answer
}

// grant reads a scope, TYPE:NAME:ACTION[,ACTION]; a name may have colons.
func (a *authorizer) grant(user, scope string) (grant, bool) {
	first, last := strings.Index(scope, ":"), strings.LastIndex(scope, ":")
	if first < 0 || first == last {
		return grant{}, false
	}
	g := grant{Type: scope[:first], Name: scope[first+1 : last]}
	switch {
	case g.Type == "registry" && g.Name == "catalog":
		g.Actions = []string{"*"}
		return g, true
	case g.Type == "repository":
		p := a.may(user, g.Name) & parsePermission(scope[last+1:])
		g.Actions = strings.Split(p.String(), ",")
		return g, p != 0
	}
	return grant{}, false
}
