package spec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

func TestShare(t *testing.T) {
	var o container.Options
	for _, ns := range spec.Sharings(o) {
		spec.Share(&o, ns.Kind, "container:"+string(ns.Kind))
	}
	for _, ns := range spec.Sharings(o) {
		assert.Equal(t, string(ns.Kind), spec.ContainerOf(ns.Mode), ns.Field)
	}
}
