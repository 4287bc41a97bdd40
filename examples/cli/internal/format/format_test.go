package format_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
)

type row struct {
	ID        string `head:"ROW ID"`
	Names     string
	CreatedAt string
	Size      string
	labels    map[string]string
}

func (r row) Label(name string) string { return r.labels[name] }

var rows = []row{
	{ID: "1", Names: "a,b", CreatedAt: "now", Size: "10<B", labels: map[string]string{"com.example.my-label": "x"}},
	{ID: "2", Names: "hello world"},
}

// TestRows has what docker ps prints for the same formats.
func TestRows(t *testing.T) {
	for _, tc := range []struct{ how, want string }{
		{"{{.ID}}", "1\n2\n"},
		{`{{.ID}}\t{{.Names}}`, "1\ta,b\n2\thello world\n"},
		{`{{.ID}}\n-`, "1\n-\n2\n-\n"},
		{"constant", "constant\nconstant\n"},
		{"table {{.ID}}\t{{.Names}}", "ROW ID    NAMES\n1         a,b\n2         hello world\n"},
		{`table {{.ID}}\t{{.CreatedAt}}`, "ROW ID    CREATED AT\n1         now\n2         \n"},
		{`table {{.ID}}\t{{.Label "com.example.my-label"}}`, "ROW ID    my label\n1         x\n2         \n"},
		{"table {{upper .Names}}", "NAMES\nA,B\nHELLO WORLD\n"},
		{"table {{json .ID}}", "ROW ID\n\"1\"\n\"2\"\n"},
		{"table {{pad .ID 1 2}}|", " ROW ID  |\n 1  |\n 2  |\n"},
		{"{{upper .Names}} {{lower .Names}} {{title .Names}}", "A,B a,b A,B\nHELLO WORLD hello world Hello World\n"},
		{`{{join (split .Names ",") "+"}}`, "a+b\nhello world\n"},
		{"{{truncate .Names 3}}", "a,b\nhel\n"},
		{"{{truncate .Names 100}}", "a,b\nhello world\n"},
		{"{{pad .Size 2 1}}|", "  10<B |\n|\n"},
		{"{{println .ID}}", "1\n\n2\n\n"},
		{"{{json .Size}}", "\"10<B\"\n\"\"\n"},
		{`{{if eq .ID "1"}}one{{else}}other{{end}}`, "one\nother\n"},
		{"json", `{"ID":"1","Names":"a,b","CreatedAt":"now","Size":"10<B"}` + "\n" + `{"ID":"2","Names":"hello world","CreatedAt":"","Size":""}` + "\n"},
	} {
		t.Run(tc.how, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, format.Rows(&out, format.Format(tc.how), rows))
			require.Equal(t, tc.want, out.String())
		})
	}
	for how, want := range map[string]string{"{{.Nothing}}": "Nothing", "{{.ID": "unclosed action", "table {{.ID | nofunc}}": "nofunc"} {
		var out bytes.Buffer
		err := format.Rows(&out, format.Format(how), rows)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "--format")
		require.Empty(t, out.String(), "nothing is printed in half")
	}
	var out bytes.Buffer
	require.NoError(t, format.Rows(&out, "table {{.ID}}\t{{.Names}}", []row(nil)))
	require.Equal(t, "ROW ID    NAMES\n", out.String())
	require.ErrorContains(t, format.Rows(&out, "{{.Nothing}}", []row(nil)), "Nothing")
	require.NoError(t, format.Rows(&out, `{{index (split .Names ",") 1}}`, []row(nil)), "what only some rows have is no mistake")
}

func TestOr(t *testing.T) {
	for given, want := range map[string]string{"": "table x", "table": "table x", "table {{.ID}}": "table {{.ID}}", "{{.ID}}": "{{.ID}}", "json": "json"} {
		require.Equal(t, want, string(format.Format(given).Or("table x")), given)
	}
}

type inner struct{ Status string }

type object struct {
	ID     string `json:"Id"`
	Count  int64
	Labels map[string]string
	Health *inner `json:",omitempty"`
}

// TestInspect has what docker inspect -f prints for the same templates.
func TestInspect(t *testing.T) {
	values := []*object{{ID: "x", Count: 1000000000000, Labels: map[string]string{"a": "b"}}}
	for _, tc := range []struct{ how, want, err string }{
		{"{{.ID}}", "x\n", ""},
		{"{{.Id}}", "x\n", ""},
		{"{{.Count}}", "1000000000000\n", ""},
		{"{{.Id}} {{.Count}}", "x 1000000000000\n", ""},
		{"{{.Labels.a}}", "b\n", ""},
		{"{{.Labels.c}}", "<no value>\n", ""},
		{`{{index .Labels "c"}}`, "\n", ""},
		{"{{json .Labels}}", `{"a":"b"}` + "\n", ""},
		{"{{if .Health}}{{.Health.Status}}{{else}}none{{end}}", "none\n", ""},
		{"{{.Health.Status}}", "", "Health"},
		{"{{.Nothing}}", "", "Nothing"},
		{"text", "text\n", ""},
		{"{{range $k, $v := .Labels}}{{$k}}={{$v}}{{end}}", "a=b\n", ""},
	} {
		t.Run(tc.how, func(t *testing.T) {
			var out bytes.Buffer
			err := format.Inspect(&out, format.Format(tc.how), values)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tc.want, out.String())
		})
	}
	var out bytes.Buffer
	require.NoError(t, format.Inspect[*object](&out, "", nil))
	require.Equal(t, "[]\n", out.String())
	out.Reset()
	require.NoError(t, format.Inspect(&out, "json", values[:1]))
	require.Equal(t, "[\n    {\n        \"Id\": \"x\",\n        \"Count\": 1000000000000,\n        \"Labels\": {\n            \"a\": \"b\"\n        }\n    }\n]\n", out.String())
	out.Reset()
	require.Error(t, format.Inspect(&out, "{{.Health.Status}}", []*object{{}, {Health: &inner{"up"}}}))
	require.Equal(t, "up\n", out.String(), "one that fails does not hide another")
}

func TestSorted(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, format.Sorted(&out, object{ID: "<x>", Count: 1e12}))
	require.Equal(t, `{"Count":1000000000000,"Id":"<x>","Labels":null}`+"\n", out.String())
}

func filters(t *testing.T, args string) *format.Filters {
	t.Helper()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	f := format.FilterFlag(flags, "dangling", "id", "label", "label!", "name", "publish", "until")
	require.NoError(t, flags.Parse(strings.Fields(args)))
	return f
}

func TestFilters(t *testing.T) {
	f := filters(t, "-f name=a --filter NAME=b -f label=k=v -f label=n -f dangling=true -f id=0 -f label!=x -f publish=80")
	require.NoError(t, f.Check())
	require.Equal(t, []string{"a", "b"}, f.Values("name"))
	require.Equal(t, []string{"x"}, f.Values("label!"))
	require.True(t, f.Any("name", format.Contains("xbx")))
	require.False(t, f.Any("name", format.Contains("xyz")))
	require.True(t, f.All("label", format.Labelled(map[string]string{"k": "v", "n": "1"})))
	require.False(t, f.All("label", format.Labelled(map[string]string{"k": "v"})))
	require.False(t, f.All("label", format.Labelled(map[string]string{"k": "w", "n": "1"})))
	require.True(t, f.Is("dangling", true))
	require.False(t, f.Is("dangling", false))
	require.True(t, f.Is("other", false), "one that is not given fits all")
	require.Equal(t, map[string]string{"k": "v", "n": ""}, format.LabelsOf(f.Values("label")))
	for args, want := range map[string]string{
		"-f color=red": `no filter "color"`, "-f dangling=maybe": "true or false", "-f dangling=true -f dangling=x": "true or false",
	} {
		require.ErrorContains(t, filters(t, args).Check(), want)
	}
	require.ErrorContains(t, f.CheckPorts("name"), "--filter name=a")
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	format.FilterFlag(flags, "name")
	require.ErrorContains(t, flags.Parse([]string{"-f", "x"}), "NAME=VALUE")
}

func TestMatches(t *testing.T) {
	for v, want := range map[string]bool{"web": true, "eb": true, "/web$": true, "^web": true, "^/we": true, "x": false, "/b": false, "[": false, "w.b": true} {
		require.Equal(t, want, format.Matches("web", "/web")(v), v)
	}
}

func TestPortFits(t *testing.T) {
	ports := []format.Port{{Number: 80, Protocol: "tcp"}, {Number: 53, Protocol: "udp"}}
	for v, want := range map[string]bool{
		"80": true, "80/tcp": true, "80/udp": false, "53/udp": true, "53/UDP": true, "53": false, "79-81": true, "81-90/tcp": false, "x": false, "90-80": false, "70000": false,
	} {
		require.Equal(t, want, format.PortFits(ports)(v), v)
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"": {}, "0": {}, "10m": now.Add(-10 * time.Minute), "0s": now, "-1h": now.Add(time.Hour),
		"1700000000": time.Unix(1700000000, 0), "1700000000.5": time.Unix(1700000000, 5e8),
		"2026-01-02T03:04:05Z": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05.5+01:00": time.Date(2026, 1, 2, 2, 4, 5, 5e8, time.UTC),
		"2026-01-02T03:04:05": time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), "2026-01-02": time.Date(2026, 1, 2, 0, 0, 0, 0, time.Local),
		"2026-01-02T03:04": time.Date(2026, 1, 2, 3, 4, 0, 0, time.Local), "2026-01-02T03": time.Date(2026, 1, 2, 3, 0, 0, 0, time.Local),
		"2026-01-02Z": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "2026-01-02T03:04Z": time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
	} {
		got, err := format.Moment(s, now)
		require.NoError(t, err, s)
		require.WithinDuration(t, want, got, 0, s)
	}
	_, err := format.Moment("yesterday", now)
	require.ErrorContains(t, err, "duration")
	var from, to time.Time
	require.NoError(t, format.Between(&from, &to, "1m", "0s", now))
	require.Equal(t, time.Minute, to.Sub(from))
	require.ErrorContains(t, format.Between(&from, &to, "x", "", now), "--since")
	require.ErrorContains(t, format.Between(&from, &to, "", "x", now), "--until")
}

func TestUntil(t *testing.T) {
	now := time.Now()
	got, err := filters(t, "-f until=1h").Until(now)
	require.NoError(t, err)
	require.Equal(t, now.Add(-time.Hour), got)
	got, err = filters(t, "").Until(now)
	require.NoError(t, err)
	require.Zero(t, got)
	for _, bad := range []string{"-f until=then", "-f until=", "-f until=1h -f until=2h"} {
		_, err := filters(t, bad).Until(now)
		require.ErrorContains(t, err, "--filter until=", bad)
	}
}

func TestText(t *testing.T) {
	require.Equal(t, "0123456789ab", format.ShortID("sha256:0123456789abcdef"))
	require.Equal(t, "0123", format.ShortID("0123"))
	require.Equal(t, "4.02MB", format.Size(4_020_000))
	require.Equal(t, "0B", format.Size(0))
	require.Equal(t, "3 hours ago", format.Ago(time.Now().Add(-3*time.Hour)))
	require.Equal(t, "aé…", format.Ellipsis("aéio", 3))
	require.Equal(t, "aéi", format.Ellipsis("aéi", 3))
	require.Equal(t, "a=1,b=2", format.Joined(map[string]string{"b": "2", "a": "1"}))
	require.Equal(t, "2026-01-02T03:04:05.000000006Z", format.Stamp(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)))
	var out bytes.Buffer
	require.NoError(t, format.Table(&out, "A\tB", [][]string{{"1", "2"}}))
	require.Equal(t, "A         B\n1         2\n", out.String())
}
