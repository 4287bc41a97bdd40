package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

// authFile is an auth.json or a Docker config.json. What this package does not know in it stays as it is.
type authFile struct {
	path   string
	fields map[string]json.RawMessage

	auths       map[string]authEntry
	credHelpers map[string]string
	credsStore  string
}

// authEntry is a login in a file (containers-auth.json(5), Docker's config.json).
type authEntry struct {
	Auth          string `json:"auth,omitempty"` // base64 of NAME:PASSWORD
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
}

// readAuthFile reads a file; one that is not there, or not for this user to read, is empty.
func readAuthFile(path string) (*authFile, error) {
	f := &authFile{path: path, fields: map[string]json.RawMessage{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || err == nil && len(data) == 0 {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &f.fields); err != nil {
		return nil, fmt.Errorf("%s: not a JSON object: %w", path, withoutContent(err))
	}
	for name, into := range map[string]any{"auths": &f.auths, "credHelpers": &f.credHelpers, "credsStore": &f.credsStore} {
		if raw, ok := f.fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, name, withoutContent(err))
			}
		}
	}
	return f, nil
}

// withoutContent keeps the place of a JSON error and drops what it quotes: it may be a password.
func withoutContent(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("syntax error at byte %d", syntax.Offset)
	}
	return errors.New("a value is not of the right type")
}

// find looks for HOST or HOST/NAME.
func (f *authFile) find(ctx context.Context, name string) (Credential, error) {
	host, _, _ := strings.Cut(name, "/")
	if helper, explicit := f.helper(host); helper != "" {
		cred, err := helperGet(ctx, helper, serverURL(host))
		if err != nil && (explicit || !errors.Is(err, errNoHelper)) {
			return Credential{}, err
		}
		if !cred.IsZero() {
			return cred, nil
		}
	}
	for _, key := range lookupKeys(name) {
		for _, alias := range aliases(key) {
			if e, ok := f.auths[alias]; ok {
				cred, err := e.credential()
				if err != nil {
					return Credential{}, fmt.Errorf("auths: %s: %w", alias, err)
				}
				if !cred.IsZero() {
					cred.Source = f.path
					return cred, nil
				}
			}
		}
	}
	return Credential{}, nil
}

// helper is the one for a host, and whether the file names it for this host.
func (f *authFile) helper(host string) (name string, explicit bool) {
	if h := f.credHelpers[host]; h != "" {
		return h, true
	}
	if host == hubHost {
		for _, alias := range aliases(host) {
			if h := f.credHelpers[alias]; h != "" {
				return h, true
			}
		}
	}
	return f.credsStore, false
}

// lookupKeys are the name and all that it is below, longest first: HOST/A/B, HOST/A, HOST.
func lookupKeys(name string) []string {
	keys := []string{name}
	for i := strings.LastIndexByte(name, '/'); i >= 0; i = strings.LastIndexByte(name[:i], '/') {
		keys = append(keys, name[:i])
	}
	return keys
}

// aliases are the ways that a host was written in files, now and once.
func aliases(key string) []string {
	if strings.Contains(key, "/") {
		return []string{key}
	}
	if key == hubHost {
		return []string{hubHost, hubAuthKey, hubIndex, "https://" + hubIndex, "https://" + hubIndex + "/v1", hubAPI, "https://" + hubHost}
	}
	var all []string
	for _, scheme := range []string{"", "https://", "http://"} {
		for _, end := range []string{"", "/", "/v1/", "/v2/", "/v1", "/v2"} {
			all = append(all, scheme+key+end)
		}
	}
	return all
}

// serverURL is a host's name in a credential helper.
func serverURL(host string) string {
	if host == hubHost {
		return hubAuthKey
	}
	return host
}

func (e authEntry) credential() (Credential, error) {
	c := Credential{Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken}
	if e.Auth == "" {
		return c, nil
	}
	data, err := base64.StdEncoding.DecodeString(e.Auth)
	name, password, ok := strings.Cut(string(data), ":")
	if err != nil || !ok {
		return c, errors.New("auth is not the base64 of NAME:PASSWORD: log in again")
	}
	c.Username, c.Password = name, strings.TrimRight(password, "\x00")
	if c.IdentityToken != "" { // Docker writes a placeholder for the name and no password
		c.Password = ""
	}
	return c, nil
}

// updateAuthFile changes the auths of a file, under a lock, so that logins at the same time all stay.
func updateAuthFile(path string, change func(f *authFile) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := flock.Acquire(context.Background(), path+".lock", flock.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	f, err := readAuthFile(path)
	if err != nil {
		return err
	}
	if f.auths == nil {
		f.auths = map[string]authEntry{}
	}
	if err := change(f); err != nil {
		return err
	}
	return f.write()
}

// set puts an entry under a key; a nil one removes it. Other entries keep the fields that this package does not know.
func (f *authFile) set(key string, e *authEntry) error {
	auths := map[string]json.RawMessage{}
	if raw, ok := f.fields["auths"]; ok {
		if err := json.Unmarshal(raw, &auths); err != nil {
			return withoutContent(err)
		}
	}
	delete(auths, key)
	if e != nil {
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		auths[key] = raw
	}
	raw, err := json.Marshal(auths)
	f.fields["auths"] = raw
	return err
}

// write replaces the file, whole or not at all, with mode 0600.
func (f *authFile) write() error {
	data, err := json.MarshalIndent(f.fields, "", "\t")
	if err != nil {
		return err
	}
	path := f.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // keep a link to a file elsewhere
	}
	// Two files' links may lead to one file: the temporary file has a name of its own.
	return atomicfile.Write(path, append(data, '\n'), atomicfile.Options{Sync: true, TempDir: filepath.Dir(path)})
}
