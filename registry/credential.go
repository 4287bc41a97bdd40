package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Credential is what a client logs in to a registry with: a name and a password, or an identity token. The packages image
// and registry share the type. As JSON it has the secrets; String, fmt and slog leave them out.
type Credential struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`

	// IdentityToken stands in for the password: a refresh token of OAuth2, as Docker's token specification has it.
	IdentityToken string `json:"identityToken,omitempty"`

	// Source is the file or the helper that it came from; empty for one that the caller made.
	Source string `json:"source,omitempty"`
}

// IsZero says whether there is nothing to log in with.
func (c Credential) IsZero() bool {
	return c.Username == "" && c.Password == "" && c.IdentityToken == ""
}

// String tells the name and the source, and never a secret.
func (c Credential) String() string {
	if c.IsZero() {
		return "no credential"
	}
	name := c.Username
	if name == "" {
		name = "identity token"
	}
	return strings.TrimSpace(name + " " + c.Source)
}

// GoString is String, so that %#v tells no secret either.
func (c Credential) GoString() string { return c.String() }

// LogValue implements slog.LogValuer, without the secret.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Credentials finds what the client would log in to a registry with, or to a part of it: "quay.io", or
// "quay.io/team/app". Without any it returns a zero Credential and no error.
//
// It asks, in the order of containers-auth.json(5), the first file that has something:
//   - ClientOptions.AuthFile, or else $REGISTRY_AUTH_FILE: when either is set, it alone;
//   - $XDG_RUNTIME_DIR/containers/auth.json (on Linux, without that variable, /run/containers/UID/auth.json);
//   - $XDG_CONFIG_HOME/containers/auth.json, ~/.config being the default of the variable;
//   - $DOCKER_CONFIG/config.json, ~/.docker being the default of the variable.
//
// In a file it asks the helper of credHelpers, the helper of credsStore, then the auths: the longest key that the name
// is or is below wins.
//
// Errors: ErrInvalidReference; a file that is not well-formed, or a helper that fails, is an error that names it.
func (c *Client) Credentials(ctx context.Context, name string) (Credential, error) {
	host, err := hostOf(name)
	if err != nil {
		return Credential{}, fmt.Errorf("credentials: %w", err)
	}
	if !c.o.Credential.IsZero() {
		return c.o.Credential, nil
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "https://"), "http://")
	_, rest, _ := strings.Cut(strings.TrimSuffix(name, "/"), "/")
	return c.lookup(ctx, strings.TrimSuffix(host+"/"+rest, "/"))
}

// lookup finds the credential of HOST or HOST/NAME.
func (c *Client) lookup(ctx context.Context, name string) (Credential, error) {
	for _, path := range authFiles(c.o.AuthFile) {
		file, err := readAuthFile(path)
		if err != nil {
			return Credential{}, fmt.Errorf("credentials of %s: %w", name, err)
		}
		cred, err := file.find(ctx, name)
		if err != nil {
			return Credential{}, fmt.Errorf("credentials of %s: %s: %w", name, path, err)
		}
		if !cred.IsZero() {
			return cred, nil
		}
	}
	return Credential{}, nil
}

// authFiles are the files to read, in order.
func authFiles(explicit string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	if path := os.Getenv("REGISTRY_AUTH_FILE"); path != "" {
		return []string{path}
	}
	files := runtimeAuthFile()
	if dir := configHome(); dir != "" {
		files = append(files, filepath.Join(dir, "containers", "auth.json"))
	}
	docker := os.Getenv("DOCKER_CONFIG")
	if home, err := os.UserHomeDir(); docker == "" && err == nil {
		docker = filepath.Join(home, ".docker")
	}
	if docker != "" {
		files = append(files, filepath.Join(docker, "config.json"))
	}
	return files
}

func runtimeAuthFile() []string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return []string{filepath.Join(dir, "containers", "auth.json")}
	}
	if runtime.GOOS != "linux" {
		return nil
	}
	path := filepath.Join("/run/containers", strconv.Itoa(os.Getuid()), "auth.json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrPermission) {
		return nil // the directory above is root's: nothing there is this user's
	}
	return []string{path}
}

func configHome() string {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".config")
	}
	return ""
}

// authFileToWrite is where a login goes: the first file of the list that is there for the user to write. Docker's own
// is not: `docker login` and this package would overwrite each other's settings.
func authFileToWrite(explicit string) (string, error) {
	if explicit != "" {
		return explicit, nil
	}
	if path := os.Getenv("REGISTRY_AUTH_FILE"); path != "" {
		return path, nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "containers", "auth.json"), nil
	}
	if dir := configHome(); dir != "" {
		return filepath.Join(dir, "containers", "auth.json"), nil
	}
	return "", fmt.Errorf("%w: there is no place for auth.json: set ClientOptions.AuthFile, REGISTRY_AUTH_FILE or HOME", ErrInvalidArgument)
}
