package format

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Filters are the values of --filter, NAME=VALUE each, of the names that a command knows.
type Filters struct {
	known  []string
	values map[string][]string
}

// FilterFlag defines --filter; its letter is f, unless that is --force.
func FilterFlag(flags *pflag.FlagSet, known ...string) *Filters {
	f := &Filters{known: known, values: map[string][]string{}}
	letter := "f"
	if flags.Lookup("force") != nil {
		letter = ""
	}
	flags.VarP(f, "filter", letter, "only what matches NAME=VALUE; the names are "+strings.Join(known, ", ")+" (may be repeated)")
	return f
}

func (f *Filters) String() string { return "" }
func (f *Filters) Type() string   { return "filter" }

// Set is pflag's. The name is looked at by Check: as with Docker, a name that is not known is no mistake of the flag.
func (f *Filters) Set(s string) error {
	if s == "" {
		return nil
	}
	name, value, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("write it as NAME=VALUE")
	}
	if strings.HasSuffix(name, "!") { // label!=x
		name = strings.TrimSuffix(name, "!") + "!"
	}
	name = strings.ToLower(strings.TrimSpace(name))
	f.values[name] = append(f.values[name], strings.TrimSpace(value))
	return nil
}

// Check returns what is wrong with the names and with the values that are true or false.
func (f *Filters) Check() error {
	for name, values := range f.values {
		if !slices.Contains(f.known, name) {
			return fmt.Errorf("--filter %s=%s: there is no filter %q: the keys are %s", name, values[0], name, strings.Join(f.known, ", "))
		}
		if name != "dangling" {
			continue
		}
		for _, v := range values {
			if _, err := strconv.ParseBool(v); err != nil {
				return fmt.Errorf("--filter dangling=%s: it must be true or false", v)
			}
		}
	}
	return nil
}

// Values are those of a filter.
func (f *Filters) Values(name string) []string { return f.values[name] }

// Last is the value that was given last, or empty.
func (f *Filters) Last(name string) string {
	if v := f.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

// Bool is a filter's value, and whether it was given.
func (f *Filters) Bool(name string) (value, given bool) {
	last := f.Last(name)
	value, _ = strconv.ParseBool(last) // Check has looked
	return value, last != ""
}

// Any: of a filter's values one must fit. A filter that is not given fits all.
func (f *Filters) Any(name string, fits func(value string) bool) bool {
	return len(f.values[name]) == 0 || slices.ContainsFunc(f.values[name], fits)
}

// All: each value must fit.
func (f *Filters) All(name string, fits func(value string) bool) bool {
	return !slices.ContainsFunc(f.values[name], func(v string) bool { return !fits(v) })
}

// Is looks at a filter that is true or false.
func (f *Filters) Is(name string, is bool) bool {
	want, given := f.Bool(name)
	return !given || want == is
}

// Contains fits a part of any of these.
func Contains(texts ...string) func(string) bool {
	return func(v string) bool {
		return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, v) })
	}
}

// Matches fits what is, or what as a regular expression finds something in any of these: so Docker looks at names and
// ids.
func Matches(texts ...string) func(string) bool {
	return func(v string) bool {
		re, err := regexp.Compile(v)
		return slices.Contains(texts, v) || err == nil && slices.ContainsFunc(texts, re.MatchString)
	}
}

// Labelled fits NAME and NAME=VALUE.
func Labelled(labels map[string]string) func(string) bool {
	return func(v string) bool {
		name, value, has := strings.Cut(v, "=")
		got, ok := labels[name]
		return ok && (!has || got == value)
	}
}

// LabelsOf are the values of a filter by labels, as the library takes them: an empty one fits any.
func LabelsOf(values []string) map[string]string {
	var out map[string]string
	for _, v := range values {
		name, value, _ := strings.Cut(v, "=")
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out
}

// Port is a port of a container for PortFits.
type Port struct {
	Number   uint16
	Protocol string
}

// PortFits fits a port or a range of ports, such as 80, 8000-8080/tcp, of which one is in the list.
func PortFits(ports []Port) func(string) bool {
	return func(v string) bool {
		first, last, protocol, err := portRange(v)
		return err == nil && slices.ContainsFunc(ports, func(p Port) bool {
			return p.Protocol == protocol && first <= p.Number && p.Number <= last
		})
	}
}

// CheckPorts returns what is wrong with the ports of a filter.
func (f *Filters) CheckPorts(names ...string) error {
	for _, name := range names {
		for _, v := range f.values[name] {
			if _, _, _, err := portRange(v); err != nil {
				return fmt.Errorf("--filter %s=%s: it must be a port or a range of ports, such as 80, 53/udp or 8000-8010/tcp", name, v)
			}
		}
	}
	return nil
}

func portRange(s string) (first, last uint16, protocol string, err error) {
	ports, protocol, has := strings.Cut(s, "/")
	if !has {
		protocol = "tcp"
	}
	low, high, isRange := strings.Cut(ports, "-")
	a, err := strconv.ParseUint(low, 10, 16)
	b := a
	if err == nil && isRange {
		b, err = strconv.ParseUint(high, 10, 16)
	}
	if err == nil && b < a {
		err = errors.New("the range ends before it begins")
	}
	return uint16(a), uint16(b), strings.ToLower(protocol), err
}
