package dockertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLacking(t *testing.T) {
	findings := []Finding{{Name: "a", OK: true}, {Name: "b", Required: true}, {Name: "c"}}
	names := func(fs []Finding) (n []string) {
		for _, f := range fs {
			n = append(n, f.Name)
		}
		return n
	}
	assert.Equal(t, []string{"b"}, names(lacking(findings, nil)))
	assert.Equal(t, []string{"b", "c"}, names(lacking(findings, []string{"a", "c"})))
	assert.Equal(t, []string{"b", "typo"}, names(lacking(findings, []string{"typo"})))
}
