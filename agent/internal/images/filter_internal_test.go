package images

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/image"
)

var (
	early = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	late  = early.AddDate(1, 0, 0)
)

func TestChosen(t *testing.T) {
	labels := map[string]string{"a": "1"}
	for name, c := range map[string]struct {
		f    image.Filter
		all  bool // the filter says nothing
		want bool
	}{
		"all":                  {image.Filter{}, true, true},
		"older":                {image.Filter{Until: late}, false, true},
		"as old":               {image.Filter{Until: early}, false, false},
		"label":                {image.Filter{Labels: map[string]string{"a": "1"}}, false, true},
		"another label":        {image.Filter{Labels: map[string]string{"b": ""}}, false, false},
		"not a label":          {image.Filter{NotLabels: map[string]string{"a": ""}}, false, false},
		"not another label":    {image.Filter{NotLabels: map[string]string{"b": ""}}, false, true},
		"all of them, it fits": {image.Filter{Until: late, Labels: labels, NotLabels: map[string]string{"b": ""}}, false, true},
	} {
		assert.Equal(t, c.all, everything(c.f), name)
		assert.Equal(t, c.want, chosen(c.f, labels, early), name)
	}
}

func TestByName(t *testing.T) {
	names := []string{"docker.io/library/alpine:3", "registry.example.com/team/app:1"}
	for name, c := range map[string]struct {
		o    image.ListOptions
		have []string
		want bool
	}{
		"all":                      {image.ListOptions{}, names, true},
		"dangling, with names":     {image.ListOptions{Dangling: true}, names, false},
		"dangling, without":        {image.ListOptions{Dangling: true}, nil, true},
		"short name":               {image.ListOptions{References: []string{"alpine"}}, names, true},
		"with tag":                 {image.ListOptions{References: []string{"alpine:3"}}, names, true},
		"with another tag":         {image.ListOptions{References: []string{"alpine:4"}}, names, false},
		"pattern":                  {image.ListOptions{References: []string{"registry.example.com/*/app"}}, names, true},
		"one of two":               {image.ListOptions{References: []string{"x", "alp*"}}, names, true},
		"no name":                  {image.ListOptions{References: []string{"*"}}, nil, false},
		"dangling and a reference": {image.ListOptions{Dangling: true, References: []string{"*"}}, names, false},
		"a name that is not valid": {image.ListOptions{References: []string{"*"}}, []string{"UPPER"}, false},
	} {
		f := &listFilter{ListOptions: c.o}
		assert.Equal(t, c.want, f.byName(c.have), name)
	}
}

func TestByContent(t *testing.T) {
	img := &image.Image{Created: early, Labels: map[string]string{"a": "1"}}
	for name, c := range map[string]struct {
		f    listFilter
		want bool
	}{
		"all":            {listFilter{}, true},
		"before a later": {listFilter{ListOptions: image.ListOptions{Before: "x"}, before: late}, true},
		"before itself":  {listFilter{ListOptions: image.ListOptions{Before: "x"}, before: early}, false},
		"since itself":   {listFilter{ListOptions: image.ListOptions{Since: "x"}, since: early}, false},
		"since earlier":  {listFilter{ListOptions: image.ListOptions{Since: "x"}, since: early.Add(-1)}, true},
		"label":          {listFilter{ListOptions: image.ListOptions{Filter: image.Filter{Labels: map[string]string{"b": ""}}}}, false},
	} {
		assert.Equal(t, c.want, c.f.byContent(img), name)
	}
}
