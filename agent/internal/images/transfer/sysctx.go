package transfer

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/certsd"
	"github.com/caisson-dev/caisson/registry"
)

// SystemContext is what the upstream libraries are told of this store. What it leaves empty is the system's and the
// user's: registries.conf, certs.d, auth.json, Docker's configuration.
func (s *Service) SystemContext() *types.SystemContext {
	return systemContext(s.images.Temp().Path, s.images.Layout().Cache())
}

func systemContext(temp, cache string) *types.SystemContext {
	return &types.SystemContext{
		BigFilesTemporaryDir: temp,
		BlobInfoCacheDir:     filepath.Join(cache, "blobs"),
		// Docker's rule for names without a registry, here and in a Dockerfile's FROM.
		PodmanOnlyShortNamesIgnoreRegistriesConfAndForceDockerHub: true,
		DockerRegistryUserAgent:                                   "caisson",
	}
}

// transport adds how a registry is reached to sc.
func transport(sc *types.SystemContext, named reference.Named, t image.Transport, c registry.Credential) error {
	own, err := certsd.Find(certsd.Dirs(), reference.Domain(named))
	if err != nil {
		return api.Errorf(api.ErrInvalidArgument, "certs.d: %w", err)
	}
	if t.Insecure || loopback(reference.Domain(named)) && len(own.Authorities) == 0 {
		sc.DockerInsecureSkipTLSVerify = types.OptionalBoolTrue
	}
	if t.CertDir != "" {
		if st, err := os.Stat(t.CertDir); err != nil {
			return api.Errorf(api.ErrInvalidArgument, "Transport.CertDir: %w", err)
		} else if !st.IsDir() {
			return api.Errorf(api.ErrInvalidArgument, "Transport.CertDir: %s is not a directory", t.CertDir)
		}
		sc.DockerCertPath = t.CertDir
		if !t.Insecure {
			sc.DockerInsecureSkipTLSVerify = types.OptionalBoolFalse
		}
	}
	if !c.IsZero() {
		sc.DockerAuthConfig = &types.DockerAuthConfig{Username: c.Username, Password: c.Password, IdentityToken: c.IdentityToken}
	}
	return nil
}

// Reach is transport for a build's caches, with the user's stored credentials.
func Reach(sc *types.SystemContext, named reference.Named, t image.Transport) error {
	return transport(sc, named, t, registry.Credential{})
}

// loopback follows Docker, which takes registries on 127.0.0.0/8 and ::1 as they are, with or without TLS. Package registry
// does the same.
func loopback(domain string) bool {
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Platform sets the platform to choose from an index.
func Platform(sc *types.SystemContext, p string) error {
	if p == "" {
		return nil
	}
	parts := strings.Split(p, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return api.Errorf(api.ErrInvalidArgument, "platform %q: write it as os/arch or os/arch/variant, such as linux/arm64", p)
	}
	sc.OSChoice, sc.ArchitectureChoice = parts[0], parts[1]
	if len(parts) == 3 {
		sc.VariantChoice = parts[2]
	}
	return nil
}
