// Package servers makes images of PostgreSQL and Redis as the machine's distribution has installed them, for tests and
// benchmarks with real servers: their files, the libraries that they are linked with and nothing else. It takes a second,
// and neither a network nor root.
package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrMissing says what the machine lacks, and how to install it.
var ErrMissing = errors.New("a server is not installed")

// Dockerfile makes an image of what PostgreSQL and Redis have written to the context. /opt/postgres has PostgreSQL's
// programs, and start begins with an empty data directory, as the official image does.
const Dockerfile = `FROM scratch
COPY root /
COPY --chown=postgres empty /data
COPY --chown=postgres empty /var/run/postgresql
EXPOSE 5432
USER postgres
ENTRYPOINT ["start"]
`

// start is what the official image's entrypoint does. The port is open while that sets the database up, too; it is not
// here, and initdb's own server has none.
const start = `#!/bin/sh
set -e
if [ ! -e /data/PG_VERSION ]; then
	/opt/postgres/initdb --no-sync --auth=trust -D /data
	echo "host all all all trust" >> /data/pg_hba.conf
fi
exec /opt/postgres/postgres -D /data -c listen_addresses='*'
`

const passwd = `root:x:0:0:root:/root:/bin/sh
postgres:x:70:70:PostgreSQL:/data:/bin/sh
redis:x:71:71:Redis:/tmp:/bin/sh
`

// PostgreSQL writes the newest PostgreSQL of the machine into a build context for Dockerfile.
//
// Errors: ErrMissing.
func PostgreSQL(context string) error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's and Ubuntu's place
	if err != nil || len(found) == 0 {
		return errors.Join(fmt.Errorf("%w: PostgreSQL (Debian: apt-get install --no-install-recommends postgresql)", ErrMissing), err)
	}
	home := filepath.Dir(filepath.Dir(found[len(found)-1]))
	r := newRootFS(context)
	share := filepath.Join("/usr/share/postgresql", filepath.Base(home))
	for _, dir := range []string{home, share, "/usr/share/zoneinfo/Etc"} {
		if err := r.tree(dir); err != nil {
			return err
		}
	}
	if err := r.base(); err != nil {
		return err
	}
	opt := filepath.Join(r.dir, "opt")
	if err := os.MkdirAll(opt, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(home, "bin"), filepath.Join(opt, "postgres")); err != nil {
		return err
	}
	return r.write("/usr/local/bin/start", []byte(start), 0o755)
}

// Redis writes the machine's Redis into a build context for Dockerfile.
//
// Errors: ErrMissing.
func Redis(context string) error {
	r := newRootFS(context)
	for _, name := range []string{"redis-server", "redis-cli"} {
		path, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("%w: %s (Debian: apt-get install --no-install-recommends redis-server)", ErrMissing, name)
		}
		if err := r.program(path); err != nil {
			return err
		}
	}
	return r.base()
}
