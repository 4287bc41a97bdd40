package registry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// team is the rules of these tests.
var team = registry.Auth{
	Users: []registry.User{
		{Name: "admin", Password: "root pass"},
		{Name: "dev", Password: "dev:pass", Access: []registry.Access{
			{Repository: "team/**", May: registry.MayPull | registry.MayPush},
			{Repository: "base/*", May: registry.MayPull},
		}},
	},
	Anonymous: []registry.Access{{Repository: "public/**", May: registry.MayPull}},
}

// client is a Client with a name and a password.
func client(name, password string) *registry.Client {
	return registry.NewClient(registry.ClientOptions{
		AuthFile:   "/nonexistent/auth.json",
		Credential: registry.Credential{Username: name, Password: password},
		Retry:      registry.RetryOptions{Attempts: 1},
	})
}

func anonymous() *registry.Client {
	return registry.NewClient(registry.ClientOptions{
		AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1},
	})
}

// modes runs a test with both ways to log in.
func modes(t *testing.T, test func(t *testing.T, reg *registry.Serving)) {
	for name, bearer := range map[string]bool{"basic": false, "bearer": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			setup := serve(t, registry.ServerOptions{Dir: dir})
			for _, repo := range []string{"team/app", "base/os", "base/a/b", "public/tool", "private/x"} {
				pushImage(t, dial(t, setup.Addr), repo, "1", "layer of "+repo)
			}
			auth := team
			auth.Bearer = bearer
			test(t, serve(t, registry.ServerOptions{Dir: dir, Auth: auth}))
		})
	}
}

func TestPermissions(t *testing.T) {
	ctx := context.Background()
	modes(t, func(t *testing.T, reg *registry.Serving) {
		admin, dev, nobody := client("admin", "root pass"), client("dev", "dev:pass"), anonymous()
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
			{"wrong password", client("dev", "dev:pasS"), "team/app", registry.ErrUnauthorized, registry.ErrUnauthorized, registry.ErrUnauthorized},
			{"wrong name", client("Dev", "dev:pass"), "team/app", registry.ErrUnauthorized, registry.ErrUnauthorized, registry.ErrUnauthorized},
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
	modes(t, func(t *testing.T, reg *registry.Serving) {
		list := func(c *registry.Client) (repos []string) {
			for repo, err := range c.Catalog(ctx, reg.Addr, registry.ListOptions{}) {
				require.NoError(t, err)
				repos = append(repos, repo)
			}
			return repos
		}
		assert.Equal(t, []string{"base/a/b", "base/os", "private/x", "public/tool", "team/app"}, list(client("admin", "root pass")))
		assert.Equal(t, []string{"base/os", "public/tool", "team/app"}, list(client("dev", "dev:pass")))
		assert.Equal(t, []string{"public/tool"}, list(anonymous()))
	})
}

func TestMountNeedsPermissionToPull(t *testing.T) {
	modes(t, func(t *testing.T, reg *registry.Serving) {
		for repo, how := range map[string]string{"base/os": "mounted", "private/x": ""} {
			var did []string
			_, err := client("dev", "dev:pass").Copy(context.Background(), reg.Addr+"/"+repo+":1", reg.Addr+"/team/copy:1",
				registry.CopyOptions{Progress: func(p registry.CopyProgress) { did = append(did, p.How) }})
			if how == "" {
				require.ErrorIs(t, err, registry.ErrDenied)
				continue
			}
			require.NoError(t, err)
			assert.Contains(t, did, how)
			assert.NotContains(t, did[:len(did)-1], "copied", "blobs are mounted; the manifest alone is sent")
		}
	})
}

// basicHeader logs in at /token.
func token(t *testing.T, reg *registry.Serving, query string) map[string]any {
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
	auth := team
	auth.Bearer = true
	auth.TokenKey = []byte(strings.Repeat("k", 32))
	reg := serve(t, registry.ServerOptions{Auth: auth})
	url := reg.URL + "/v2/team/app/tags/list"

	a := do(t, "GET", url, "")
	assert.Equal(t, 401, a.status)
	challenge := a.header.Get("WWW-Authenticate")
	assert.Contains(t, challenge, `Bearer realm="`+reg.URL+`/token"`)
	assert.Contains(t, challenge, `scope="repository:team/app:pull"`)

	good := token(t, reg, "scope=repository:team/app:pull,delete")["token"].(string)
	assert.Equal(t, 404, do(t, "GET", url, "", "Authorization", "Bearer "+good).status, "let in; there is no such repository")
	assert.Equal(t, 401, do(t, "POST", reg.URL+"/v2/team/app/blobs/uploads/", "", "Authorization", "Bearer "+good).status)
	narrow := token(t, reg, "scope=repository:team/other:pull")["token"].(string)
	assert.Equal(t, 401, do(t, "GET", url, "", "Authorization", "Bearer "+narrow).status)

	payload, mac, _ := strings.Cut(good, ".")
	for name, forged := range map[string]string{
		"no mac": payload, "empty mac": payload + ".", "other mac": payload + "." + strings.Repeat("A", len(mac)),
		"other payload": narrow[:strings.Index(narrow, ".")] + "." + mac, "garbage": "x.y.z",
	} {
		assert.Equal(t, 401, do(t, "GET", url, "", "Authorization", "Bearer "+forged).status, name)
	}
	refresh := token(t, reg, "offline_token=true")["refresh_token"].(string)
	assert.Equal(t, 401, do(t, "GET", url, "", "Authorization", "Bearer "+refresh).status, "an identity token opens nothing by itself")
	assert.Equal(t, 401, do(t, "GET", reg.URL+"/token", "", "Authorization", "Basic !").status)
	assert.Equal(t, 401, do(t, "GET", url, "", "Authorization", "Basic ZGV2OmRldjpwYXNz").status, "passwords go to /token alone")

	other := serve(t, registry.ServerOptions{Auth: auth})
	assert.Equal(t, 404, do(t, "GET", strings.Replace(url, reg.URL, other.URL, 1), "", "Authorization", "Bearer "+good).status, "the key is the same")
}

func TestIdentityToken(t *testing.T) {
	auth := team
	auth.Bearer = true
	reg := serve(t, registry.ServerOptions{Auth: auth})
	refresh := token(t, reg, "offline_token=true")["refresh_token"].(string)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"repository:team/app:pull"}}
	a := do(t, "POST", reg.URL+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 200, a.status, a.body)

	c := registry.NewClient(registry.ClientOptions{Credential: registry.Credential{IdentityToken: refresh}})
	_, err := c.Exists(context.Background(), reg.Addr+"/team/app:1")
	require.NoError(t, err)
	form = url.Values{"grant_type": {"password"}, "username": {"dev"}, "password": {"wrong"}}
	a = do(t, "POST", reg.URL+"/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	assert.Equal(t, 401, a.status)
}

func TestBadAuthOptions(t *testing.T) {
	user := registry.User{Name: "a", Password: "b"}
	for name, auth := range map[string]registry.Auth{
		"no password": {Users: []registry.User{{Name: "a"}}},
		"colon":       {Users: []registry.User{{Name: "a:b", Password: "c"}}},
		"twice":       {Users: []registry.User{user, user}},
		"pattern":     {Users: []registry.User{user}, Anonymous: []registry.Access{{Repository: "["}}},
		"short key":   {Users: []registry.User{user}, TokenKey: []byte("short")},
		"short life":  {Users: []registry.User{user}, TokenTTL: time.Second},
	} {
		_, err := registry.Serve(registry.ServerOptions{Auth: auth}, registry.ServeOptions{})
		require.ErrorIs(t, err, registry.ErrInvalidOptions, name)
	}
}
