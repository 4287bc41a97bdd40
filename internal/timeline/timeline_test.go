package timeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }

// some are two containers, one of which has its end, and a build.
func some() []Entry {
	return []Entry{
		{ID: "a", Kind: Container, Package: "p", Test: "TestA", Image: "db:1", State: Ready, Begin: at(10), Ready: at(40), Steps: []Step{{"image", at(12)}, {"ready", at(40)}}},
		{ID: "b", Kind: Container, Package: "q", Test: "TestB", Image: "app:1", State: Failed, Begin: at(0), End: at(100), Steps: []Step{{"image", at(90)}}, Error: "</script><b>no"},
		{ID: "c", Kind: Build, Package: "q", Test: "TestB", Image: "app:1", State: Ready, Begin: at(5), Ready: at(6)},
		{ID: "a", Kind: Container, Package: "p", Test: "TestA", Image: "db:1", State: Ended, Begin: at(10), Ready: at(40), End: at(200), Steps: []Step{{"image", at(12)}, {"ready", at(40)}}, TestFailed: true, Log: "<!-- hello"},
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	last := Last(some())
	require.Len(t, last, 3)
	assert.Equal(t, []string{"b", "c", "a"}, []string{last[0].ID, last[1].ID, last[2].ID}, "by their beginnings")
	assert.Equal(t, Ended, last[2].State, "the later entry counts")
	ms := time.Millisecond
	assert.Equal(t, Sum{
		Entries: 3, Failed: 2, Waited: 121 * ms,
		Steps: []StepSum{{"image", 92 * ms}, {"ready", 28 * ms}},
	}, Summed(last))
	assert.Equal(t, []string{"b", "a"}, []string{Dearest(last, 2)[0].ID, Dearest(last, 2)[1].ID})
	assert.Len(t, Dearest(last, 5), 3)
	var b strings.Builder
	require.NoError(t, WriteText(&b, last, 2))
	assert.Equal(t, "3 fixtures, 2 failed; tests waited 121ms for them (image 92ms, ready 28ms)\n"+
		"     90ms  q TestB: app:1 (failed)\n"+
		"     30ms  p TestA: db:1 (its test failed)\n", b.String())
}

func TestAdd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	require.NoError(t, Add(file, "another run", Entry{ID: "old"}))
	for _, e := range some() {
		require.NoError(t, Add(file, "run", e))
	}
	have, err := Read(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	assert.Equal(t, some(), have)
	html, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(html, []byte("<!doctype html>\n")))
	assert.Equal(t, some(), inPage(t, html))
	assert.NotContains(t, string(html), "http:", "the page needs nothing else")
	assert.NotContains(t, string(html), "https:")

	// What a writer that was killed has left is replaced.
	require.NoError(t, os.Truncate(filepath.Join(dir, "report.json"), 100))
	require.NoError(t, Add(file, "run", some()[0]))
	have, err = Read(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	assert.Equal(t, some()[:1], have)

	require.ErrorIs(t, Add(filepath.Join(dir, "report.txt"), "run", Entry{}), ErrName)
	require.ErrorIs(t, Add(filepath.Join(dir, "none", "report.json"), "run", Entry{}), fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.json"), []byte("[]"), 0o600))
	_, err = Read(filepath.Join(dir, "other.json"))
	require.ErrorContains(t, err, "is not a report of fixtures")
}

var entryElement = regexp.MustCompile(`(?m)^<script type="application/json" class="entry">(.*)</script>$`)

// inPage are the entries as a browser sees them.
func inPage(t *testing.T, html []byte) (entries []Entry) {
	t.Helper()
	for _, m := range entryElement.FindAllSubmatch(html, -1) {
		assert.NotContains(t, string(m[1]), "<", "it could end the element")
		var e Entry
		require.NoError(t, json.Unmarshal(m[1], &e))
		entries = append(entries, e)
	}
	return entries
}

// TestManyProcesses: the test binaries of a run add to one file at the same time, and what one of them can't finish does not
// harm the others.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	if file := os.Getenv("TIMELINE_FILE"); file != "" {
		for i := range 50 {
			require.NoError(t, Add(file, "run", Entry{ID: fmt.Sprint(os.Getpid(), "-", i), Log: strings.Repeat("x", 1000)}))
		}
		return
	}
	file := filepath.Join(t.TempDir(), "report.html")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestManyProcesses$")
			cmd.Env = append(os.Environ(), "TIMELINE_FILE="+file)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
	wg.Wait()
	have, err := Read(strings.TrimSuffix(file, ".html") + ".json")
	require.NoError(t, err)
	assert.Len(t, Last(have), 200)
	html, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, have, inPage(t, html))
}

func TestRunOf(t *testing.T) {
	t.Parallel()
	lines := map[int]string{
		40: "40 (a (b) c.test) S 30 40 1 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 7001 1 1",
		30: "30 (xprog) S 20 40 1 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 7000 1 1",
		20: "20 (go) S 10 40 1 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 6000 1 1",
		10: "10 (bash) S 1 40 1 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 100 1 1",
		50: "50 (c.test) S 10 40 1 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 7001 1 1",
		60: "60 c.test S",
	}
	stat := func(pid int) (process, error) { return parseStat(lines[pid]) }
	assert.Equal(t, "go-20-6000", runOf(40, stat))
	assert.Regexp(t, "^50-[0-9]+$", runOf(50, stat), "no go command has started it")
	assert.Regexp(t, "^60-[0-9]+$", runOf(60, stat))
	assert.NotEmpty(t, Run())
}
