package dockertest

import (
	"fmt"
	"os"
	"sync"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// EnvRoot names the directory of the store of images and containers. Default: the user's default store, which all
// test binaries share, so that an image is pulled and built once.
const EnvRoot = "CAISSON_ROOT"

// Engine is the engine of all containers of this package, opened at the first use and never closed: its agent ends with
// the process and removes what the process left, however that ended.
//
// Errors: those of image.OpenStore, with what Check finds.
func Engine() (*container.Engine, error) { return engine() }

var engine = sync.OnceValues(func() (*container.Engine, error) {
	store, err := image.OpenStore(image.StoreOptions{Root: os.Getenv(EnvRoot)})
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, missing())
	}
	return container.NewEngine(store, container.EngineOptions{})
})
