package deptest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rooms of images know each other in one direction: transfer, the catalogue, layer. None knows who is above.
func TestImagesDirection(t *testing.T) {
	const internal = "github.com/caisson-dev/caisson/agent/internal/"
	above := []string{"builds", "builds/ocirun", "containers", "engine", "networks", "network", "rootfs", "runtime", "spec", "volumes"}
	for room, never := range map[string][]string{
		"images/layer":    {"images", "images/transfer", "wire"},
		"images":          {"images/transfer"},
		"images/transfer": nil,
		"pack":            {"images", "images/layer", "images/transfer"},
		"untar":           {"images", "images/layer", "images/transfer"},
	} {
		out, err := exec.Command("go", "list", "-tags", "containers_image_openpgp,exclude_graphdriver_btrfs", "-f", `{{join .Deps "\n"}}`, internal+room).Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		for _, p := range slices.Concat(never, above) {
			assert.NotContains(t, deps, internal+p, "%s is below %s", room, p)
		}
	}
}
