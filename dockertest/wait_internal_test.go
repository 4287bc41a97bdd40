package dockertest

import (
	"errors"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
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
		l := &lineCounter{match: func(line []byte, finished bool) bool { return matches(re, line, finished) }, want: 100}
		s := l.stream()
		for _, chunk := range strings.Split(tc.chunks, "|") {
			_, err := s.Write([]byte(chunk))
			require.NoError(t, err)
		}
		assert.Equal(t, tc.want, l.found, "%s in %q", tc.expr, tc.chunks)
		s.finish()
		want := tc.want
		if tc.end {
			want++
		}
		assert.Equal(t, want, l.found, "%s at the end of %q", tc.expr, tc.chunks)
	}
}

func TestUnheard(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr("172.17.0.2")
	for _, tc := range []struct{ listening, want string }{
		{"", ""},
		{"0.0.0.0:80 [::]:80 127.0.0.1:443", "the container listens on 80, 443"},
		{"127.0.0.1:7000", "it listens on the container's loopback alone (127.0.0.1:7000), where nothing else can reach it: make it listen on 0.0.0.0"},
		{"[::1]:7000 127.0.0.1:7000", "it listens on the container's loopback alone ([::1]:7000, 127.0.0.1:7000), where nothing else can reach it: make it listen on 0.0.0.0"},
		{"[::]:7000", "it listens on IPv6 alone ([::]:7000), and clients reach it by IPv4 (172.17.0.2): make it listen on 0.0.0.0 too"},
		{"[fd00::2]:7000 [::]:80", "it listens on IPv6 alone ([fd00::2]:7000), and clients reach it by IPv4 (172.17.0.2): make it listen on 0.0.0.0 too"},
		{"10.0.0.7:7000", "it listens on 10.0.0.7:7000: make it listen on 0.0.0.0"},
	} {
		var listening []netip.AddrPort
		for _, s := range strings.Fields(tc.listening) {
			listening = append(listening, netip.MustParseAddrPort(s))
		}
		assert.Equal(t, tc.want, unheard(ip, 7000, listening), tc.listening)
	}
}

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
		_, found, err := search(tc.body, []byte("hello"))
		assert.Equal(t, tc.found, found, tc.name)
		assert.Equal(t, tc.err, err, tc.name)
	}
}

// TestKeepFiles: the mounts of memory that files are put into begin with them.
func TestKeepFiles(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{"run/secrets/a": {}, "etc/x": {}}
	for name, tc := range map[string]struct {
		opts []Option
		want []string // targets
	}{
		"none":           {[]Option{Tmpfs("/run"), File("/etc/x", nil)}, nil},
		"a file":         {[]Option{Tmpfs("/run"), Tmpfs("/tmp"), File("/run/a/b", nil)}, []string{"/run"}},
		"another prefix": {[]Option{Tmpfs("/run"), File("/running", nil)}, nil},
		"a tree below":   {[]Option{Tmpfs("/run"), Files("/run/x", tree)}, []string{"/run"}},
		"a tree around":  {[]Option{Tmpfs("/run"), Tmpfs("/tmp"), Files("/", tree)}, []string{"/run"}},
		"by Modify": {[]Option{File("run/x", nil), Modify(func(o *container.Options) {
			o.Mounts = []container.Mount{{Type: container.MountTmpfs, Target: "/run/"}}
		})}, []string{"/run/"}},
		"a volume": {[]Option{Mount("/", "/run"), File("/run/x", nil)}, nil},
	} {
		s := applied(tc.opts)
		require.NoError(t, s.complete("x", ""))
		var got []string
		for _, m := range s.opts.Mounts {
			if len(m.Tmpfs.Options) > 0 {
				got = append(got, m.Target)
			}
		}
		assert.Equal(t, tc.want, got, name)
	}
}

func TestTryLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ wait, want time.Duration }{
		{500 * time.Millisecond, time.Second}, {15 * time.Second, 1500 * time.Millisecond}, {time.Minute, 6 * time.Second}, {time.Hour, 10 * time.Second},
	} {
		ctx, cancel := until(t.Context(), time.Now().Add(tc.wait))
		got := (&probe{wait: &Wait{}}).tryLimit(ctx)
		cancel()
		assert.InDelta(t, tc.want, got, float64(100*time.Millisecond), "%v", tc.wait)
	}
	assert.Equal(t, time.Hour, (&probe{wait: &Wait{try: time.Hour}}).tryLimit(t.Context()))
}
