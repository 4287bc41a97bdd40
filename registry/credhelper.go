package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// errNoHelper says that a helper's program is not installed.
var errNoHelper = errors.New("credential helper not found")

// tokenUser is the name that a helper gives an identity token (docker-credential-helpers).
const tokenUser = "<token>"

// helperCredential is what a helper reads and writes.
type helperCredential struct {
	ServerURL string
	Username  string
	Secret    string
}

// runHelper runs docker-credential-NAME. Its output may be a secret and is in no error, but for the messages of the
// protocol.
func runHelper(ctx context.Context, name, verb string, input []byte) ([]byte, error) {
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return nil, fmt.Errorf("%w: credential helper %q", ErrInvalidArgument, name)
	}
	program := "docker-credential-" + name
	cmd := exec.CommandContext(ctx, program, verb)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w: install %s, or take it out of the file", errNoHelper, program)
	}
	if err == nil {
		return out, nil
	}
	message := strings.TrimSpace(string(out))
	switch {
	case strings.Contains(message, "credentials not found"):
		return nil, fmt.Errorf("%s: %w", program, ErrNotLoggedIn)
	case strings.Contains(message, "no credentials server URL"), strings.Contains(message, "no credentials username"):
		return nil, fmt.Errorf("%s %s: %s", program, verb, message)
	}
	return nil, fmt.Errorf("%s %s: %w", program, verb, err)
}

// helperGet asks a helper; it is not an error when the helper has nothing.
func helperGet(ctx context.Context, name, server string) (Credential, error) {
	out, err := runHelper(ctx, name, "get", []byte(server))
	if errors.Is(err, ErrNotLoggedIn) {
		return Credential{}, nil
	}
	if err != nil {
		return Credential{}, err
	}
	var h helperCredential
	if err := json.Unmarshal(out, &h); err != nil {
		return Credential{}, fmt.Errorf("docker-credential-%s get: %w", name, withoutContent(err))
	}
	c := Credential{Source: "docker-credential-" + name}
	if h.Username == tokenUser {
		c.IdentityToken = h.Secret
	} else {
		c.Username, c.Password = h.Username, h.Secret
	}
	return c, nil
}

func helperStore(ctx context.Context, name, server string, c Credential) error {
	h := helperCredential{ServerURL: server, Username: c.Username, Secret: c.Password}
	if c.IdentityToken != "" {
		h.Username, h.Secret = tokenUser, c.IdentityToken
	}
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = runHelper(ctx, name, "store", data)
	return err
}

func helperErase(ctx context.Context, name, server string) error {
	_, err := runHelper(ctx, name, "erase", []byte(server))
	return err
}
