package dockertest

import (
	"io"
	"os"
	"slices"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
)

// Option says what container to run. A Wait is an Option, and so is a network made by Network.
type Option interface{ apply(*settings) }

// settings are what the options come to.
type settings struct {
	opts       container.Options
	image      string   // its name, as it is told in messages
	ports      []uint16 // that Port names
	waits      []Wait
	files      []file
	platform   string
	credential registry.Credential
	rewrite    func(string) string
	offline    bool
	logs       []io.Writer
	modify     []func(*container.Options)
	coverage   bool
	reuse      time.Duration
	reserved   []*Reserved
	template   template
	owned      []string       // what of these goes with a test
	graceful   bool           // stop it, rather than kill it, when the test ends
	atEnd      []func() error // when the container is gone
	errs       []error
}

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// Options makes one option of several, for what many tests share.
func Options(opts ...Option) Option {
	return optionFunc(func(s *settings) {
		for _, o := range opts {
			o.apply(s)
		}
	})
}

// Env sets a variable of the container's environment.
func Env(key, value string) Option {
	return optionFunc(func(s *settings) { s.opts.Env = append(s.opts.Env, key+"="+value) })
}

// Port declares TCP ports that the container listens on: they are published on free ports of 127.0.0.1, which Addr and
// URL tell, and without a Wait option the container is ready when all of them accept.
func Port(ports ...uint16) Option {
	return optionFunc(func(s *settings) {
		for _, p := range ports {
			if !slices.Contains(s.ports, p) {
				s.ports = append(s.ports, p)
				s.opts.Ports = append(s.opts.Ports, container.Port{Container: p})
			}
		}
	})
}

// HostPorts opens ports of this machine's loopback to the container, which reaches them at host.docker.internal. A server
// that the test itself runs, such as one of net/http/httptest, listens on the loopback:
//
//	srv := httptest.NewServer(handler)
//	port := srv.Listener.Addr().(*net.TCPAddr).Port
//	dockertest.Run(t, "app", dockertest.HostPorts(uint16(port)),
//		dockertest.Env("API", fmt.Sprintf("http://host.docker.internal:%d", port)))
//
// What listens on all addresses of the machine is reached without this option.
func HostPorts(ports ...uint16) Option {
	return optionFunc(func(s *settings) {
		s.opts.Networking.HostPorts = append(s.opts.Networking.HostPorts, ports...)
	})
}

// AllHostPorts opens all ports of this machine's loopback to the container. HostPorts opens chosen ones.
func AllHostPorts() Option {
	return optionFunc(func(s *settings) { s.opts.Networking.AllHostPorts = true })
}

// Cmd replaces the image's CMD.
func Cmd(args ...string) Option {
	return optionFunc(func(s *settings) { s.opts.Cmd = append([]string{}, args...) })
}

// Entrypoint replaces the image's ENTRYPOINT, and drops its CMD.
func Entrypoint(args ...string) Option {
	return optionFunc(func(s *settings) { s.opts.Entrypoint = append([]string{}, args...) })
}

// Dir is the working directory.
func Dir(dir string) Option { return optionFunc(func(s *settings) { s.opts.Dir = dir }) }

// User is who the container's process runs as: name, uid, name:group or uid:gid.
func User(user string) Option { return optionFunc(func(s *settings) { s.opts.User = user }) }

// Mount puts a directory or file of the host at target. For the go command's cache of test results, the first 10,000 files
// and directories of a directory count.
func Mount(source, target string) Option {
	return optionFunc(func(s *settings) {
		s.opts.Mounts = append(s.opts.Mounts, container.Mount{Source: source, Target: target})
	})
}

// Tmpfs puts memory at target. It is empty, unless File, Files or HostFile put something there: then it begins with that
// and with what the image has there.
func Tmpfs(target string) Option {
	return optionFunc(func(s *settings) {
		s.opts.Mounts = append(s.opts.Mounts, container.Mount{Type: container.MountTmpfs, Target: target})
	})
}

// Resources limit the container.
func Resources(r container.Resources) Option {
	return optionFunc(func(s *settings) { s.opts.Resources = r })
}

// Health checks whether the container works; WaitHealthy waits for it. Give an Interval: the default of 30 s is made
// for servers that run for months.
func Health(h container.HealthConfig) Option {
	return optionFunc(func(s *settings) { s.opts.Health = h })
}

// Label is kept with the container.
func Label(key, value string) Option {
	return optionFunc(func(s *settings) {
		if s.opts.Labels == nil {
			s.opts.Labels = map[string]string{}
		}
		s.opts.Labels[key] = value
	})
}

// Name is the container's name, which no other container of the store may have: tests that run at the same time, in
// whichever process, can't share one. On a network of the test's own an Alias has no such limit.
func Name(name string) Option { return optionFunc(func(s *settings) { s.opts.Name = name }) }

// Pull says when the image is fetched. Default: image.PullMissing. With image.PullAlways a test binary asks the
// registry once for each image.
func Pull(p image.PullPolicy) Option { return optionFunc(func(s *settings) { s.opts.Pull = p }) }

// Platform of the image, such as linux/arm64. Default: the host's.
func Platform(platform string) Option {
	return optionFunc(func(s *settings) { s.platform = platform })
}

// Credentials for the image's registry. Default: those of auth.json and of Docker's configuration.
func Credentials(username, password string) Option {
	return optionFunc(func(s *settings) {
		s.credential = registry.Credential{Username: username, Password: password}
	})
}

// Offline forbids to ask a registry, as CAISSON_OFFLINE=1 does for all containers.
func Offline() Option { return optionFunc(func(s *settings) { s.offline = true }) }

// Logs copies what the container writes, as it comes, with its name before each line. In a test: Logs(t.Output()). The end
// of the test and Close wait for the copy's end. If the log can't be read to its end, the copy and Close say so.
func Logs(w io.Writer) Option { return optionFunc(func(s *settings) { s.logs = append(s.logs, w) }) }

// StopTimeout lets the container end by its stop signal when the test is over, and kills it after d. Default: it is
// killed at once.
func StopTimeout(d time.Duration) Option {
	return optionFunc(func(s *settings) { s.graceful, s.opts.Lifecycle.StopTimeout = true, d })
}

// Modify changes the container.Options that the other options have made. Use it for what has no option here.
func Modify(f func(*container.Options)) Option {
	return optionFunc(func(s *settings) { s.modify = append(s.modify, f) })
}

// EnvPrefix names a mirror of Docker Hub for all containers, as Prefix does for one.
const EnvPrefix = "CAISSON_IMAGE_PREFIX"

// Rewrite changes the image's name before it is looked for: for mirrors, private registries, digests instead of tags.
// f gets the name as it was given to Run, and what it returns is taken as it is: Prefix and EnvPrefix do not apply.
func Rewrite(f func(ref string) string) Option {
	return optionFunc(func(s *settings) { s.rewrite = f })
}

// Prefix is put before names of Docker Hub, such as registry.example.com/mirror: postgres:17 becomes
// registry.example.com/mirror/postgres:17. Names with another registry stay as they are, and so do ids.
func Prefix(prefix string) Option {
	return Rewrite(func(ref string) string { return images.Prefixed(prefix, ref) })
}

func (s *settings) imageName(ref string) string {
	if s.rewrite != nil {
		return s.rewrite(ref)
	}
	return images.Prefixed(os.Getenv(EnvPrefix), ref)
}

// Invalid is an option that is not valid: Run and Start report err. It is for functions that make an Option of arguments
// of their own.
func Invalid(err error) Option { return optionFunc(func(s *settings) { s.errs = append(s.errs, err) }) }
