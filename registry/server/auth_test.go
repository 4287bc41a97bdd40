package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPermissions(t *testing.T) {
	ctx := context.Background()
	registrytest.Modes(t, func(t *testing.T, reg *server.Serving) {
		admin, dev, nobody := registrytest.Client("admin", "root pass"), registrytest.Client("dev", "dev:pass"), registrytest.Anonymous()
		for _, test := range []struct {
			name   string
			client *registry.Client
			repo   string
			pull   error
			push   error
			remove error
		}{
			{"admin", admin, "private/x", nil, nil, nil},
			{"dev in the team", dev, "team/app", nil, nil, registry.ErrDenied},
			{"dev in base", dev, "base/os", nil, registry.ErrDenied, registry.ErrDenied},
			{"dev below base", dev, "base/a/b", registry.ErrDenied, registry.ErrDenied, registry.ErrDenied},
			{"dev in private", dev, "private/x", registry.ErrDenied, registry.ErrDenied, registry.ErrDenied},
			{"dev in public", dev, "public/tool", nil, registry.ErrDenied, registry.ErrDenied},
			{"anonymous in public", nobody, "public/tool", nil, registry.ErrUnauthorized, registry.ErrUnauthorized},
			{"anonymous in private", nobody, "private/x", registry.ErrUnauthorized, registry.ErrUnauthorized, registry.ErrUnauthorized},
			{"wrong password", registrytest.Client("dev", "dev:pasS"), "team/app", registry.ErrUnauthorized, registry.ErrUnauthorized, registry.ErrUnauthorized},
			{"wrong name", registrytest.Client("Dev", "dev:pass"), "team/app", registry.ErrUnauthorized, registry.ErrUnauthorized, registry.ErrUnauthorized},
		} {
			ref := reg.Addr + "/" + test.repo
			check := func(what string, want, err error) {
				t.Helper()
				if want == nil {
					assert.NoError(t, err, "%s: %s", test.name, what)
				} else if !assert.ErrorIs(t, err, want, "%s: %s", test.name, what) && err != nil {
					t.Log(err)
				}
			}
			_, err := test.client.Manifest(ctx, ref+":1", registry.ManifestOptions{})
			check("pull", test.pull, err)
			if test.pull == nil {
				_, err = test.client.Copy(ctx, ref+":1", ref+":copy", registry.CopyOptions{})
				check("push", test.push, err)
			}
			check("delete", test.remove, test.client.Delete(ctx, ref+":1"))
		}
	})
}

func TestCatalogShowsWhatOneMayPull(t *testing.T) {
	ctx := context.Background()
	registrytest.Modes(t, func(t *testing.T, reg *server.Serving) {
		list := func(c *registry.Client) (repos []string) {
			for repo, err := range c.Catalog(ctx, reg.Addr, registry.ListOptions{}) {
				require.NoError(t, err)
				repos = append(repos, repo)
			}
			return repos
		}
		assert.Equal(t, []string{"base/a/b", "base/os", "private/x", "public/tool", "team/app"}, list(registrytest.Client("admin", "root pass")))
		assert.Equal(t, []string{"base/os", "public/tool", "team/app"}, list(registrytest.Client("dev", "dev:pass")))
		assert.Equal(t, []string{"public/tool"}, list(registrytest.Anonymous()))
	})
}

func TestMountNeedsPermissionToPull(t *testing.T) {
	registrytest.Modes(t, func(t *testing.T, reg *server.Serving) {
		for repo, how := range map[string]string{"base/os": registry.HowMounted, "private/x": ""} {
			var did []string
			_, err := registrytest.Client("dev", "dev:pass").Copy(context.Background(), reg.Addr+"/"+repo+":1", reg.Addr+"/team/copy:1",
				registry.CopyOptions{Progress: func(p registry.CopyProgress) { did = append(did, p.How) }})
			if how == "" {
				require.ErrorIs(t, err, registry.ErrDenied)
				continue
			}
			require.NoError(t, err)
			assert.Contains(t, did, how)
			assert.NotContains(t, did[:len(did)-1], registry.HowCopied, "blobs are mounted; the manifest alone is sent")
		}
	})
}

// basicHeader logs in at /token.
func token(t *testing.T, reg *server.Serving, query string) map[string]any {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, reg.URL+"/token?"+query, nil)
	require.NoError(t, err)
	req.SetBasicAuth("dev", "dev:pass")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, 200, resp.StatusCode)
	var body map[string]any
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
	return body
}

func TestTokens(t *testing.T) {
	auth := registrytest.Team
	auth.Bearer = true
	auth.TokenKey = []byte(strings.Repeat("k", 32))
	reg := registrytest.Serve(t, server.Options{Auth: auth})
	url := reg.URL + "/v2/team/app/tags/list"

	a := registrytest.Do(t, "GET", url, "")
	assert.Equal(t, 401, a.Status)
	challenge := a.Header.Get("WWW-Authenticate")
	assert.Contains(t, challenge, `Bearer realm="`+reg.URL+`/token"`)
	assert.Contains(t, challenge, `scope="repository:team/app:pull"`)

	good := token(t, reg, "scope=repository:team/app:pull,delete")["token"].(string)
	assert.Equal(t, 404, registrytest.Do(t, "GET", url, "", "Authorization", "Bearer "+good).Status, "let in; there is no such repository")
	assert.Equal(t, 401, registrytest.Do(t, "POST", reg.URL+"/v2/team/app/blobs/uploads/", "", "Authorization", "Bearer "+good).Status)
	narrow := token(t, reg, "scope=repository:team/other:pull")["token"].(string)
	assert.Equal(t, 401, registrytest.Do(t, "GET", url, "", "Authorization", "Bearer "+narrow).Status)

	payload, mac, _ := strings.Cut(good, ".")
	for name, forged := range map[string]string{
		"no mac": payload, "empty mac": payload + ".", "other mac": payload + "." + strings.Repeat("A", len(mac)),
		"other payload": narrow[:strings.Index(narrow, ".")] + "." + mac, "garbage": "x.y.z",
	} {
		assert.Equal(t, 401, registrytest.Do(t, "GET", url, "", "Authorization", "Bearer "+forged).Status, name)
	}
	refresh := token(t, reg, "offline_token=true")["refresh_token"].(string)
	assert.Equal(t, 401, registrytest.Do(t, "GET", url, "", "Authorization", "Bearer "+refresh).Status, "an identity token opens nothing by itself")
	assert.Equal(t, 401, registrytest.Do(t, "GET", reg.URL+"/token", "", "Authorization", "Basic !").Status)
	assert.Equal(t, 401, registrytest.Do(t, "GET", url, "", "Authorization", "Basic ZGV2OmRldjpwYXNz").Status, "passwords go to /token alone")

	other := registrytest.Serve(t, server.Options{Auth: auth})
	assert.Equal(t, 404, registrytest.Do(t, "GET", strings.Replace(url, reg.URL, other.URL, 1), "", "Authorization", "Bearer "+good).Status, "the key is the same")
}

func TestIdentityToken(t *testing.T) {
	auth := registrytest.Team
	auth.Bearer = true
	reg := registrytest.Serve(t, server.Options{Auth: auth})
	refresh := token(t, reg, "offline_token=true")["refresh_token"].(string)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"repository:team/app:pull"}}
	a := registrytest.Do(t, "POST", reg.URL+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 200, a.Status, a.Body)

	c := registry.NewClient(registry.ClientOptions{Credential: registry.Credential{IdentityToken: refresh}})
	_, err := c.Exists(context.Background(), reg.Addr+"/team/app:1")
	require.NoError(t, err)
	form = url.Values{"grant_type": {"password"}, "username": {"dev"}, "password": {"wrong"}}
	a = registrytest.Do(t, "POST", reg.URL+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 401, a.Status)
}

func TestBadAuthOptions(t *testing.T) {
	user := server.User{Name: "a", Password: "b"}
	for name, auth := range map[string]server.Auth{
		"no password": {Users: []server.User{{Name: "a"}}},
		"colon":       {Users: []server.User{{Name: "a:b", Password: "c"}}},
		"twice":       {Users: []server.User{user, user}},
		"pattern":     {Users: []server.User{user}, Anonymous: []server.Access{{Repository: "["}}},
		"short key":   {Users: []server.User{user}, TokenKey: []byte("short")},
		"short life":  {Users: []server.User{user}, TokenTTL: time.Second},
	} {
		_, err := server.Serve(server.Options{Auth: auth}, server.ServeOptions{})
		require.ErrorIs(t, err, server.ErrInvalidArgument, name)
	}
}
