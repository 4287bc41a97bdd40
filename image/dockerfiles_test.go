//go:build linux

package image_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// sample is how many cases lie between two that a short run has.
const sample = 9

// TestDockerfiles builds the Dockerfiles of testdata/dockerfiles, and compares images and errors with the values that are
// stored there.
func TestDockerfiles(t *testing.T) {
	t.Parallel()
	cases, err := readCases()
	require.NoError(t, err)
	d := openDockerfiles(t)
	for i, c := range cases {
		if testing.Short() && i%sample != 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d.run(t, &c)
		})
	}
}

// dockerfiles is what the cases share.
type dockerfiles struct {
	store *image.Store
	began time.Time
	url   string
	base  map[string]string // the files of the image box, by name
	mu    sync.Mutex
	files map[string][]byte // that the server has, by path
	used  map[string]string // images that cases make, and whose they are
}

// box is the base of those cases that run something: the tests' shell, and what bases have.
const box = `bin/
dev/
etc/
etc/group = "root:x:0:\ndaemon:x:1:\nbob:x:1000:\nops:x:2000:bob\n"
etc/passwd = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/sh\nbob:x:1000:1000:Bob:/home/bob:/bin/sh\n"
proc/
root/ 0700
run/
sys/
tmp/ 01777
`

func openDockerfiles(t *testing.T) *dockerfiles {
	t.Helper()
	d := &dockerfiles{store: open(t), began: time.Now().Add(-time.Minute), files: map[string][]byte{}, used: map[string]string{}}
	d.listen(t)
	files, err := packed("tar", box)
	require.NoError(t, err)
	_, err = d.store.Import(t.Context(), bytes.NewReader(files), image.ImportOptions{Tags: []string{"box-files"}})
	require.NoError(t, err)
	_, err = build(t, d.store, "FROM box-files\nCOPY sh /bin/sh\nENV PATH=/bin\n", image.BuildOptions{Tags: []string{"box"}}, nil)
	require.NoError(t, err)
	d.base, _, err = d.tree(t, "box")
	require.NoError(t, err)
	return d
}

// listen serves the files of http sections.
func (d *dockerfiles) listen(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.url = server.URL
}

// serve has the files of http sections, of a time in the past.
func (d *dockerfiles) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	b, ok := d.files[r.URL.Path]
	d.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, filepath.Base(r.URL.Path), time.Unix(1500000000, 0), bytes.NewReader(b))
}

func (d *dockerfiles) run(t *testing.T, c *buildCase) {
	t.Helper()
	if why := c.setting("crashes"); why != "" {
		t.Logf("known: %s", why)
		return
	}
	for _, need := range c.settings["needs"] {
		switch need {
		case "root":
			testenv.Root(t)
		case "ids":
			testenv.ManyIDs(t)
		default:
			t.Fatalf("unknown need %q", need)
		}
	}
	wrong, err := d.differences(t, c)
	require.NoError(t, err)
	if why := c.setting("fails"); why != "" {
		require.NotEmpty(t, wrong, "it comes out right: take the line %q away", "fails: "+why)
		t.Logf("known: %s\n%s", why, wrong)
		return
	}
	if wrong != "" {
		t.Errorf("source: %s\n%s", c.setting("source"), wrong)
	}
}

// differences builds a case and says in what the result is not as it should be.
func (d *dockerfiles) differences(t *testing.T, c *buildCase) (string, error) {
	t.Helper()
	opts, out, err := d.options(t.TempDir(), c)
	if err != nil {
		return "", err
	}
	for _, s := range c.all("image") {
		base := opts
		base.Target, base.Dockerfile, base.Tags, base.DockerfileText = "", "", []string{s.words[1]}, s.text
		if err := d.name(c, s.words[1]); err != nil {
			return "", err
		}
		if _, err := d.store.Build(t.Context(), base); err != nil {
			return fmt.Sprintf("image %s: %v", s.words[1], err), nil
		}
	}
	img, err := d.store.Build(t.Context(), opts)
	if want := c.of("error"); want != nil {
		return compareError(err, want.wanted()), nil
	}
	if err != nil {
		return fmt.Sprintf("%v\n%s", err, out), nil
	}
	var wrong strings.Builder
	if want := c.of("output"); want != nil {
		for _, line := range want.wanted() {
			if !strings.Contains(out.String(), line) {
				fmt.Fprintf(&wrong, "output: no %q in\n%s\n", line, out)
			}
		}
	}
	if want := c.of("tree"); want != nil {
		got, root, err := d.tree(t, img.ID)
		if err != nil {
			return "", err
		}
		wrong.WriteString(compareLines(want.wanted(), append(d.changed(got), root)))
	}
	if want := c.of("config"); want != nil {
		wrong.WriteString(compareConfig(img, want.wanted()))
	}
	if want := c.of("history"); want != nil {
		steps, err := d.store.History(t.Context(), img.ID)
		if err != nil {
			return "", err
		}
		wrong.WriteString(compareHistory(steps, want.wanted()))
	}
	return wrong.String(), nil
}

// name says that an image is a case's own, since all have one store.
func (d *dockerfiles) name(c *buildCase, ref string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if whose := d.used[ref]; whose != "" && whose != c.name {
		return fmt.Errorf("%s and %s make an image %s: name one of them otherwise", whose, c.name, ref)
	}
	d.used[ref] = c.name
	return nil
}

// options are what a case is built with. The buffer gets what it prints.
func (d *dockerfiles) options(dir string, c *buildCase) (image.BuildOptions, *bytes.Buffer, error) {
	var out bytes.Buffer
	opts := image.BuildOptions{
		Context: os.DirFS(filepath.Join(dir, "context")), Dockerfile: c.setting("file"), Target: c.setting("target"),
		Args: c.pairs("arg"), Labels: c.pairs("label"), Platform: c.setting("platform"), Output: &out, Pull: image.PullNever,
		Contexts: image.NamedContexts{Files: map[string]fs.FS{}, Images: c.pairs("context")},
		Run:      image.RunOptions{Network: c.setting("network"), Secrets: map[string][]byte{}},
		Result:   image.ResultOptions{Squash: c.setting("squash") != ""},
	}
	if s := c.of("Dockerfile"); s != nil {
		opts.DockerfileText = strings.NewReplacer("{{http}}", d.url+c.path(), "{{arch}}", runtime.GOARCH).Replace(s.text)
	}
	for _, s := range c.all("secret") {
		b, err := s.asFile().content()
		if err != nil {
			return opts, nil, err
		}
		opts.Run.Secrets[s.words[1]] = b
	}
	for _, s := range c.all("http") {
		b, err := s.asFile().content()
		if err != nil {
			return opts, nil, err
		}
		d.mu.Lock()
		d.files[c.path()+"/"+s.words[1]] = b
		d.mu.Unlock()
	}
	trees := map[string][]section{"context": c.files()}
	for name, files := range c.in() {
		trees["in-"+name] = files
		opts.Contexts.Files[name] = os.DirFS(filepath.Join(dir, "in-"+name))
	}
	for name, files := range trees {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return opts, nil, err
		}
		for _, s := range files {
			if err := s.write(filepath.Join(dir, name)); err != nil {
				return opts, nil, fmt.Errorf("%s: %v: %w", c.name, s.words, err)
			}
		}
	}
	return opts, &out, nil
}

// tree returns the files of an image as lines, by name, and its root's.
func (d *dockerfiles) tree(t *testing.T, ref string) (lines map[string]string, root string, err error) {
	t.Helper()
	r, w := io.Pipe()
	go func() { w.CloseWithError(d.store.Export(t.Context(), w, ref)) }()
	if lines, err = readTree(r, d.began); err != nil {
		return nil, "", err
	}
	f, err := d.store.FS(t.Context(), ref)
	if err != nil {
		return nil, "", err
	}
	st, err := fs.Stat(f, ".")
	if err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	return lines, fmt.Sprintf("/ %04o", st.Mode().Perm()), f.Close()
}
