package registry

import (
	"context"
	"errors"
	"fmt"
)

// Logout removes what Login stored for a registry, or for a part of one: from the file that Login writes, and from the
// helper that it names. Docker's own config.json is left alone, so Credentials may still find a `docker login`.
//
// Errors: ErrInvalidReference, ErrNotLoggedIn when nothing is stored there, ErrInvalidArgument when there is no place for
// the file, and those of the file system.
func (c *Client) Logout(ctx context.Context, registry string) error {
	key, host, err := loginKey(registry)
	if err != nil {
		return fmt.Errorf("logout: %w", err)
	}
	path, err := authFileToWrite(c.o.AuthFile)
	if err != nil {
		return fmt.Errorf("logout of %s: %w", key, err)
	}
	found := false
	err = updateAuthFile(path, func(f *authFile) error {
		if helper, _ := f.helper(host); helper != "" && key == host {
			err := helperErase(ctx, helper, serverURL(host))
			if err != nil && !errors.Is(err, ErrNotLoggedIn) {
				return err
			}
			found = err == nil
		}
		for _, alias := range aliases(key) {
			if _, ok := f.auths[alias]; !ok {
				continue
			}
			found = true
			if err := f.set(alias, nil); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("%w: %s has nothing for it", ErrNotLoggedIn, path)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("logout of %s: %w", key, err)
	}
	c.forget(host)
	return nil
}
