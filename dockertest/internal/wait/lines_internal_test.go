package wait

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLinesMatch: chunks are what a process wrote at a time; | is where they are cut.
func TestLinesMatch(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		expr, chunks string
		want         int  // after the last chunk
		end          bool // whether the log's end makes it one more
	}{
		{`^ready$`, "ready\n", 1, false},
		{`^ready$`, "ready\r\n", 1, false},
		{`^ready$`, "ready\r|\n", 1, false},
		{`^ready$`, "ready", 0, true},
		{`^ready$`, "ready| not yet\n", 0, false},
		{`(?m)^ready$`, "ready| not yet\n", 0, false},
		{`\Aready\z`, "ready| not yet\n", 0, false},
		{`^ready`, "ready", 1, false},
		{`ready`, "not |rea|dy", 1, false},
		{`password: `, "password: ", 1, false},
		{`^.*ready.*$`, "it is ready", 1, false},
		{`^port \d+$`, "port 80|80\nport 1\n", 2, false},
		{`^$`, "\n", 1, false},
		{`ready`, "ready ready\nready", 2, false},
	} {
		re := regexp.MustCompile(tc.expr)
		l := &Lines{Match: func(line []byte, finished bool) bool { return Matches(re, line, finished) }, Want: 100}
		s := l.Stream()
		for _, chunk := range strings.Split(tc.chunks, "|") {
			_, err := s.Write([]byte(chunk))
			require.NoError(t, err)
		}
		assert.Equal(t, tc.want, l.found, "%s in %q", tc.expr, tc.chunks)
		s.Finish()
		want := tc.want
		if tc.end {
			want++
		}
		assert.Equal(t, want, l.found, "%s at the end of %q", tc.expr, tc.chunks)
	}
}
