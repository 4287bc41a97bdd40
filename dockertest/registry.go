package dockertest

import (
	"context"
	"testing"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// Reg is a registry of a test. Beside its own methods it has those of package registry: Inject makes requests fail,
// Requests tells what was asked.
type Reg struct {
	*server.Serving
	tb   testing.TB
	user server.User // the first of its users
}

// Registry serves a registry, in this process, until the test is over. With the zero options it is in memory and lets
// everyone in. If the options name users, Push pushes as the first of them, and a container with the option Credentials
// of the registry pulls as that user.
func Registry(t testing.TB, opts server.Options) *Reg {
	t.Helper()
	srv, err := server.Serve(opts, server.ServeOptions{})
	if err != nil {
		t.Fatalf("dockertest: registry: %v", err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("dockertest: registry: close: %v", err)
		}
	})
	r := &Reg{Serving: srv, tb: t}
	if len(opts.Auth.Users) > 0 {
		r.user = opts.Auth.Users[0]
	}
	return r
}

// Ref is the name of an image of the registry: Ref("app:1") is "127.0.0.1:41234/app:1".
func (r *Reg) Ref(name string) string { return r.Addr + "/" + name }

// Push copies an image of the store, such as one that Build made, to the registry and returns its Ref.
func (r *Reg) Push(img, name string) string {
	r.tb.Helper()
	eng, err := engine()
	if err == nil {
		opts := image.PushOptions{Destination: r.Ref(name)}
		if r.user.Name != "" {
			opts.Credential = registry.Credential{Username: r.user.Name, Password: r.user.Password}
		}
		ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
		defer cancel()
		_, err = eng.Store().Push(ctx, img, opts)
	}
	if err != nil {
		r.tb.Fatalf("dockertest: push %s to %s: %v", img, r.Ref(name), err)
	}
	return r.Ref(name)
}

// Credentials is the option that pulls as the registry's first user.
func (r *Reg) Credentials() Option { return Credentials(r.user.Name, r.user.Password) }
