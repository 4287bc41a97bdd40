package deptest

import (
	"errors"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
)

// TestOneVocabulary: the same condition is the same sentinel in all packages, so errors.Is holds across them.
func TestOneVocabulary(t *testing.T) {
	for name, same := range map[string][]error{
		"ErrNotFound":         {image.ErrNotFound, container.ErrNotFound, registry.ErrNotFound},
		"ErrAmbiguous":        {image.ErrAmbiguous, container.ErrAmbiguous},
		"ErrInvalidArgument":  {image.ErrInvalidArgument, container.ErrInvalidArgument, registry.ErrInvalidArgument, server.ErrInvalidArgument},
		"ErrInvalidReference": {image.ErrInvalidReference, registry.ErrInvalidReference, server.ErrInvalidReference},
		"ErrInUse":            {image.ErrInUse, container.ErrInUse},
		"ErrUnauthorized":     {image.ErrUnauthorized, registry.ErrUnauthorized},
		"ErrDenied":           {image.ErrDenied, registry.ErrDenied},
		"ErrRateLimited":      {image.ErrRateLimited, registry.ErrRateLimited},
		"ErrUnreachable":      {image.ErrUnreachable, registry.ErrUnreachable},
		"ErrDigestMismatch":   {image.ErrDigestMismatch, registry.ErrDigestMismatch},
		"ErrNoPlatform":       {image.ErrNoPlatform, registry.ErrNoPlatform},
		"ErrUnsupported":      {image.ErrUnsupported, container.ErrUnsupported, registry.ErrUnsupported},
		"ErrPermission":       {image.ErrPermission, container.ErrPermission},
		"ErrAgentGone":        {image.ErrAgentGone, container.ErrAgentGone},
	} {
		for _, err := range same[1:] {
			assert.Same(t, same[0], err, name)
		}
	}
	assert.True(t, errors.Is(registry.ErrNoPlatform, image.ErrNotFound), "an image that is not made for a platform")
	assert.True(t, errors.Is(registry.ErrInvalidManifest, image.ErrCorrupt), "a manifest that is not well-formed")
}
