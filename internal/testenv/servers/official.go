package servers

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

//go:embed official
var officialFiles embed.FS

// image is what is known of an official image.
type image struct {
	debian     string            // the package that has the server
	programs   map[string]string // by their paths in the image: names on this machine
	script     string            // the entrypoint, of the directory official
	files      map[string]string // further files of the directory official, by their paths in the image
	add        func(*rootFS) error
	dockerfile string
}

// images are those that Official makes. Each Dockerfile is what `docker inspect` says of the official one: variables,
// volumes, ports, user, entrypoint and command.
var images = map[string]image{
	"postgres": {
		script: "postgres.sh",
		add:    addPostgreSQL,
		dockerfile: `ENV PATH=/usr/local/bin:/usr/bin:/bin:/opt/postgres PGDATA=/var/lib/postgresql/data
RUN mkdir -p /docker-entrypoint-initdb.d
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
`,
	},
	"mariadb": {
		debian:   "mariadb-server-core mariadb-client-core",
		programs: map[string]string{"/usr/local/bin/mariadbd": "mariadbd", "/usr/local/bin/mariadb": "mariadb"},
		script:   "mariadb.sh",
		add:      func(r *rootFS) error { return r.tree("/usr/share/mysql") },
		dockerfile: `RUN mkdir -p /docker-entrypoint-initdb.d
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mariadbd"]
`,
	},
	"redis": {
		debian:   "redis-server",
		programs: map[string]string{"/usr/local/bin/redis-server": "redis-server", "/usr/local/bin/redis-cli": "redis-cli"},
		script:   "redis.sh",
		dockerfile: `RUN mkdir /data && chown redis /data
VOLUME /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server", "--protected-mode", "no"]
`,
	},
	"memcached": {
		debian:   "memcached",
		programs: map[string]string{"/usr/local/bin/memcached": "memcached"},
		script:   "memcached.sh",
		dockerfile: `USER memcache
EXPOSE 11211
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["memcached"]
`,
	},
	"nats": {
		debian:   "nats-server",
		programs: map[string]string{"/nats-server": "nats-server"},
		dockerfile: `EXPOSE 4222 8222 6222
ENTRYPOINT ["/nats-server"]
CMD ["--config", "nats-server.conf"]
`,
	},
	"mosquitto": {
		debian:   "mosquitto",
		programs: map[string]string{"/usr/sbin/mosquitto": "mosquitto"},
		script:   "mosquitto.sh",
		dockerfile: `RUN mkdir -p /mosquitto/config /mosquitto/data /mosquitto/log && chown -R mosquitto:mosquitto /mosquitto
VOLUME /mosquitto/data /mosquitto/log
EXPOSE 1883
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"]
`,
	},
	"etcd": {
		debian:   "etcd-server",
		programs: map[string]string{"/usr/local/bin/etcd": "etcd"},
		dockerfile: `EXPOSE 2379 2380
CMD ["/usr/local/bin/etcd"]
`,
	},
	"registry": {
		debian:   "docker-registry",
		programs: map[string]string{"/bin/registry": "docker-registry"},
		script:   "registry.sh",
		files:    map[string]string{"/etc/distribution/config.yml": "registry.yml"},
		dockerfile: `RUN mkdir -p /var/lib/registry
VOLUME /var/lib/registry
EXPOSE 5000
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["/etc/distribution/config.yml"]
`,
	},
}

// tools are what the entrypoints call.
var tools = []string{"cat", "chmod", "chown", "cp", "id", "mkdir", "rm", "setpriv", "sleep"}

const officialPasswd = passwd + `memcache:x:72:72:Memcached:/tmp:/bin/sh
mosquitto:x:73:73:Mosquitto:/mosquitto:/bin/sh
mysql:x:74:74:MariaDB:/var/lib/mysql:/bin/sh
`

const officialGroup = `root:x:0:
postgres:x:70:
redis:x:71:
memcache:x:72:
mosquitto:x:73:
mysql:x:74:
`

// Official writes a server of this machine into a build context and returns the Dockerfile of an image that keeps the
// contract of the official one: its variables, paths, ports, entrypoint, command and users.
//
// Errors: ErrMissing.
func Official(context, name string) (dockerfile string, err error) {
	im, ok := images[name]
	if !ok {
		return "", fmt.Errorf("there is no image %q", name)
	}
	r := newRootFS(context)
	if err := r.base(); err != nil {
		return "", err
	}
	for _, tool := range tools {
		err = errors.Join(err, r.install(path.Join("/usr/bin", tool), tool, ""))
	}
	for to, program := range im.programs {
		err = errors.Join(err, r.install(to, program, im.debian))
	}
	if im.add != nil {
		err = errors.Join(err, im.add(r))
	}
	err = errors.Join(err, r.write("/etc/passwd", []byte(officialPasswd), 0o644), r.write("/etc/group", []byte(officialGroup), 0o644))
	if im.script != "" {
		err = errors.Join(err, r.embedded("/usr/local/bin/docker-entrypoint.sh", im.script, 0o755))
	}
	for to, name := range im.files {
		err = errors.Join(err, r.embedded(to, name, 0o644))
	}
	return "FROM scratch\nCOPY root /\n" + im.dockerfile, err
}

// install copies a program of this machine, with its libraries, to a path of the image.
func (r *rootFS) install(to, program, debian string) error {
	from, err := exec.LookPath(program)
	if err != nil {
		from, err = exec.LookPath(filepath.Join("/usr/sbin", program)) // not on the PATH of ordinary users
	}
	if err != nil {
		return fmt.Errorf("%w: %s (Debian: apt-get install --no-install-recommends %s)", ErrMissing, program, debian)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return errors.Join(r.write(to, b, 0o755), r.libraries(from))
}

func (r *rootFS) embedded(to, name string, mode os.FileMode) error {
	b, err := officialFiles.ReadFile(path.Join("official", name))
	if err != nil {
		return err
	}
	return r.write(to, b, mode)
}

func addPostgreSQL(r *rootFS) error { return PostgreSQL(filepath.Dir(r.dir)) }
