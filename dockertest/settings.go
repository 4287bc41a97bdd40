package dockertest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// labelTest names the test that a container belongs to.
const labelTest = "dev.caisson.dockertest.test"

// newSettings applies the options and says what is wrong with them, all at once.
func newSettings(tb testing.TB, ref string, opts []Option) (*settings, error) {
	s := &settings{offline: envSet("CAISSON_OFFLINE")}
	for _, o := range opts {
		if o == nil {
			return nil, fmt.Errorf("%w: an option is nil", container.ErrInvalidArgument)
		}
		o.apply(s)
	}
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
			s.errs = append(s.errs, errors.New("Port: 0 is no port"))
		}
	}
	for _, w := range s.waits {
		s.errs = append(s.errs, w.errs()...)
	}
	if len(s.errs) > 0 {
		return nil, fmt.Errorf("%w: %w", container.ErrInvalidArgument, errors.Join(s.errs...))
	}
	if tb != nil && s.reuse == 0 {
		Label(labelTest, tb.Name()).apply(s)
		s.opts.Detach = keep() // so that it outlives this process
	}
	s.opts.Image = s.imageName(ref)
	if s.offline {
		s.opts.Pull = image.PullNever
	}
	for _, f := range s.modify {
		f(&s.opts)
	}
	if s.reuse > 0 {
		if err := s.reusable(); err != nil {
			return nil, fmt.Errorf("%w: %w", container.ErrInvalidArgument, err)
		}
	}
	return s, nil
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
func envSet(name string) bool {
	switch strings.ToLower(os.Getenv(name)) {
	case "", "0", "false", "no":
		return false
	}
	return true
}
