package wait

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, tc := range []struct {
		name  string
		body  io.Reader
		found bool
		err   error
	}{
		{"there", strings.NewReader("xxhelloxx"), true, nil},
		{"not there", strings.NewReader("hell o"), false, nil},
		{"a byte at a time", iotest.OneByteReader(strings.NewReader("xxhello")), true, nil},
		{"before it breaks", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), true, nil},
		{"broken", io.MultiReader(strings.NewReader("hell"), iotest.ErrReader(broken)), false, broken},
		{"far behind", io.MultiReader(strings.NewReader(strings.Repeat("x", longestBody)), strings.NewReader("hello")), false, nil},
		{"just in time", io.MultiReader(strings.NewReader(strings.Repeat("x", longestBody-5)), strings.NewReader("hello")), true, nil},
	} {
		_, found, err := Search(tc.body, []byte("hello"))
		assert.Equal(t, tc.found, found, tc.name)
		assert.Equal(t, tc.err, err, tc.name)
	}
}
