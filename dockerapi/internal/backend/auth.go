package backend

import (
	"encoding/base64"
	"strings"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"

	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	client "github.com/caisson-dev/caisson/registry"
)

// Auth is what a client logs in with. A header that can't be read counts as none, as in Docker.
func Auth(r *wire.Request) client.Credential {
	in, err := authconfig.Decode(r.Header.Get(registry.AuthHeader))
	if err != nil {
		return client.Credential{}
	}
	return Credential(in)
}

// Credential is a login as Docker's clients send it.
func Credential(in *registry.AuthConfig) client.Credential {
	c := client.Credential{Username: in.Username, Password: in.Password, IdentityToken: in.IdentityToken}
	if c.Username == "" && in.Auth != "" {
		if text, err := base64.StdEncoding.DecodeString(in.Auth); err == nil {
			c.Username, c.Password, _ = strings.Cut(string(text), ":")
		}
	}
	return c
}

// Registry is the name of a registry in an address as Docker's clients send it.
func Registry(address string) string {
	for _, scheme := range []string{"https://", "http://"} {
		address = strings.TrimPrefix(address, scheme)
	}
	host, _, _ := strings.Cut(address, "/")
	if host == "" || host == "index.docker.io" || host == "registry-1.docker.io" {
		return "docker.io"
	}
	return host
}
