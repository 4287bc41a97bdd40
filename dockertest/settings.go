package dockertest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// labelTest names the test that a container belongs to.
const labelTest = "dev.caisson.dockertest.test"

// applied are the settings that the options come to.
func applied(opts []Option) *settings {
	s := &settings{offline: envSet("CAISSON_OFFLINE")}
	for _, o := range opts {
		if o == nil {
			s.errs = append(s.errs, errors.New("an option is nil"))
			continue
		}
		o.apply(s)
	}
	return s
}

// complete adds the image and what follows from the environment, and says what is wrong, all at once. The test's name is
// empty outside tests.
func (s *settings) complete(ref, test string) error {
	if ref == "" {
		s.errs = append(s.errs, errors.New("the image has no name"))
	}
	for _, e := range s.opts.Env {
		if strings.HasPrefix(e, "=") {
			s.errs = append(s.errs, errors.New("Env: the variable has no name"))
		}
	}
	for _, p := range s.ports {
		if p == 0 {
			s.errs = append(s.errs, errors.New("Port: 0 is not a valid port"))
		}
	}
	if slices.Contains(s.opts.Networking.HostPorts, 0) {
		s.errs = append(s.errs, errors.New("HostPorts: 0 is not a valid port"))
	}
	if s.template.only != "" && !s.template.is {
		s.errs = append(s.errs, fmt.Errorf("%s: only Template and Prepare have it: leave it out", s.template.only))
	}
	for _, w := range s.waits {
		s.errs = append(s.errs, w.errs(s.ports)...)
	}
	if len(s.errs) > 0 {
		return fmt.Errorf("%w: %w", container.ErrInvalidArgument, errors.Join(s.errs...))
	}
	if test != "" && s.reuse == 0 {
		Label(labelTest, test).apply(s)
		s.opts.Detach = keep() // so that it outlives this process
	}
	s.image = s.imageName(ref)
	if s.offline {
		s.opts.Pull = image.PullNever
	}
	s.opts.Image = s.image
	for _, f := range s.modify {
		f(&s.opts)
	}
	s.image = s.opts.Image
	s.keepFiles()
	if s.reuse > 0 {
		if err := s.reusable("Reuse"); err != nil {
			return fmt.Errorf("%w: %w", container.ErrInvalidArgument, err)
		}
	}
	return nil
}

// end does what is to be done when the container is gone.
func (s *settings) end() error {
	var errs []error
	for _, f := range s.atEnd {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// wait is what makes the container ready: the waits given, else that all declared ports accept.
func (s *settings) wait(img *image.Image) Wait {
	if len(s.waits) > 0 {
		return All(s.waits...)
	}
	ports := s.ports
	if len(ports) == 0 {
		ports = exposed(img)
	}
	if len(ports) == 0 {
		return Wait{}
	}
	return WaitPort(ports...)
}

// exposed are the image's TCP ports.
func exposed(img *image.Image) []uint16 {
	var ports []uint16
	for _, e := range img.Config.ExposedPorts {
		var p uint16
		number, protocol, _ := strings.Cut(e, "/")
		if _, err := fmt.Sscanf(number, "%d", &p); err == nil && (protocol == "" || protocol == "tcp") {
			ports = append(ports, p)
		}
	}
	return ports
}

// envSet is true for a variable that is set to anything but what says no.
func envSet(name string) bool { return says(os.Getenv(name)) }

// says is true for a value that is anything but what says no.
func says(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "false", "no":
		return false
	}
	return true
}
