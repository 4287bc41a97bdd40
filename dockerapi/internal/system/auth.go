package system

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/registry"

	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	client "github.com/caisson-dev/caisson/registry"
)

// auth checks a login with its registry. Nothing is stored: the client does that.
func (s *Service) auth(w http.ResponseWriter, r *wire.Request) error {
	var in registry.AuthConfig
	if err := r.Decode(&in, false); err != nil {
		return err
	}
	cred := backend.Credential(&in)
	if cred.Username == "" {
		return wire.BadRequest("the login has no username")
	}
	dir, err := os.MkdirTemp("", "caisson-login-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := client.NewClient(client.ClientOptions{AuthFile: filepath.Join(dir, "auth.json")})
	defer c.Close()
	_, err = c.Login(r.Context(), backend.Registry(in.ServerAddress), client.LoginOptions{Username: cred.Username, Password: strings.NewReader(cred.Password)})
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		return wire.Errorf(http.StatusUnauthorized, "unauthorized: incorrect username or password")
	case err != nil:
		return err
	}
	return wire.OK(w, registry.AuthResponse{Status: "Login Succeeded"})
}
