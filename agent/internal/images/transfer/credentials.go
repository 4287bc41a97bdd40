package transfer

import (
	"context"
	"errors"
	"os"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/registry"
)

// LogIn adds the user's stored credentials for a registry to sc, unless it has some. They are looked up as package registry
// does: upstream knows neither REGISTRY_AUTH_FILE nor Docker's credsStore. It does not send them to another registry that
// registries.conf names instead, and looks up that one's itself.
func LogIn(ctx context.Context, sc *types.SystemContext, named reference.Named) error {
	if sc.DockerAuthConfig != nil {
		return nil
	}
	sc.AuthFilePath = os.Getenv("REGISTRY_AUTH_FILE")
	client := registry.NewClient(registry.ClientOptions{})
	defer client.Close() // it has read files alone
	c, err := client.Credentials(ctx, named.Name())
	if errors.Is(err, registry.ErrInvalidReference) {
		return nil // what is no registry's name has no credentials; upstream says what is wrong with it
	}
	if err != nil {
		return api.Errorf(api.ErrUnauthorized, "%w: log in again, or set Credential", err)
	}
	sc.DockerAuthConfig = &types.DockerAuthConfig{Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken}
	return nil
}
