package registry

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// LoginOptions are the options of Login.
type LoginOptions struct {
	// Username is the account. It must not be empty or have a colon (RFC 7617).
	Username string

	// Password is read to its end; one line end is dropped. It is kept in memory for the login alone, and never logged.
	Password io.Reader

	// SkipVerify stores the credential without asking the registry.
	SkipVerify bool
}

// LoginResult is where a login went.
type LoginResult struct {
	// Registry is the key that it is stored under.
	Registry string

	// Stored is the file, or the helper, that has it now.
	Stored string
}

// maxPassword bounds a password or a token, in bytes.
const maxPassword = 64 << 10

// Login checks a name and a password with a registry ("quay.io"; "" is Docker Hub) and stores them: in the credential
// helper that the auth file names, or in the file itself, mode 0600. The name may be longer, such as "quay.io/team", for a
// login that is good below that alone.
//
// The file is ClientOptions.AuthFile, or $REGISTRY_AUTH_FILE, or containers/auth.json below $XDG_RUNTIME_DIR, or else
// below $XDG_CONFIG_HOME: Podman, Buildah and skopeo find it there.
//
// Errors: ErrInvalidReference; ErrInvalidArgument for a user name or a password that is empty or can't be sent, and when
// there is no place for the file; ErrUnauthorized when the registry refuses; ErrDenied, ErrRateLimited and ErrUnreachable;
// and those of the file system.
func (c *Client) Login(ctx context.Context, registry string, o LoginOptions) (LoginResult, error) {
	key, host, err := loginKey(registry)
	if err != nil {
		return LoginResult{}, fmt.Errorf("login: %w", err)
	}
	cred := Credential{Username: o.Username}
	if cred.Password, err = readPassword(o.Password); err != nil {
		return LoginResult{}, fmt.Errorf("login to %s: %w", key, err)
	}
	if cred.Username == "" || strings.ContainsAny(cred.Username, ":\x00") {
		return LoginResult{}, fmt.Errorf("login to %s: %w: the user name must not be empty or have a colon", key, ErrInvalidArgument)
	}
	if !o.SkipVerify {
		if err := c.verify(ctx, host, cred); err != nil {
			return LoginResult{}, clientError("login to", key, err)
		}
	}
	stored, err := c.store(ctx, key, host, cred)
	if err != nil {
		return LoginResult{}, fmt.Errorf("login to %s: %w", key, err)
	}
	c.forget(host)
	return LoginResult{Registry: key, Stored: stored}, nil
}

// loginKey is what a login is stored under, and the host that checks it.
func loginKey(registry string) (key, host string, err error) {
	if host, err = hostOf(registry); err != nil {
		return "", "", err
	}
	registry = strings.TrimPrefix(strings.TrimPrefix(registry, "https://"), "http://")
	_, rest, _ := strings.Cut(strings.TrimSuffix(registry, "/"), "/")
	if rest == "" || host == hubHost && rest == "v1" {
		return host, host, nil
	}
	if _, err := parseRepository(host + "/" + rest); err != nil {
		return "", "", err
	}
	return host + "/" + rest, host, nil
}

func readPassword(r io.Reader) (string, error) {
	if r == nil {
		return "", fmt.Errorf("%w: no password to read", ErrInvalidArgument)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxPassword+1))
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if password == "" || len(data) > maxPassword {
		return "", fmt.Errorf("%w: the password is empty, or longer than 64 KiB", ErrInvalidArgument)
	}
	return password, nil
}

// verify asks the registry's root with a credential (OCI distribution spec, "Determining Support").
func (c *Client) verify(ctx context.Context, host string, cred Credential) error {
	conn, err := c.dial(host, cred)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, conn.base+"/v2/", nil)
	if err != nil {
		return err
	}
	resp, err := conn.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return responseError(resp)
	}
	return nil
}

func (c *Client) store(ctx context.Context, key, host string, cred Credential) (string, error) {
	path, err := authFileToWrite(c.o.AuthFile)
	if err != nil {
		return "", err
	}
	stored := path
	err = updateAuthFile(path, func(f *authFile) error {
		if helper, _ := f.helper(host); helper != "" && key == host {
			stored = "docker-credential-" + helper
			if err := helperStore(ctx, helper, serverURL(host), cred); err != nil {
				return err
			}
			return f.set(key, nil) // an older login in the file would be a stale copy
		}
		auth := base64.StdEncoding.EncodeToString([]byte(cred.Username + ":" + cred.Password))
		return f.set(key, &authEntry{Auth: auth})
	})
	return stored, err
}
