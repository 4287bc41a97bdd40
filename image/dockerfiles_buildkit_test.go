//go:build linux

package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// envBuildKit is the address of a buildkitd, such as unix:///run/buildkit/buildkitd.sock. The program buildctl is on PATH.
const envBuildKit = "CAISSON_BUILDKIT"

// TestDockerfilesByBuildKit compares the stored values with what BuildKit makes of the same Dockerfiles. Of errors only the
// lines are compared, since the words are the engine's own. Cases with the setting beyond are not BuildKit's.
func TestDockerfilesByBuildKit(t *testing.T) {
	t.Parallel()
	if os.Getenv(envBuildKit) == "" {
		t.Skip("for who changes the cases: " + envBuildKit + " names the address of a buildkitd")
	}
	cases, err := readCases()
	require.NoError(t, err)
	k := openBuildKit(t)
	for _, c := range cases {
		if c.setting("beyond") != "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrong, err := k.differences(t, &c)
			require.NoError(t, err)
			if wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// placed finds the line that BuildKit tells of. It does not for each error.
var placed = regexp.MustCompile(`ockerfile:[0-9]`)

// buildKit is dockerfiles, built by BuildKit.
type buildKit struct {
	*dockerfiles
	box layout
}

// layout is an image in OCI's form.
type layout struct{ dir, digest string }

func openBuildKit(t *testing.T) *buildKit {
	t.Helper()
	// It takes here-documents of earlier builds from its cache.
	k := &buildKit{dockerfiles: &dockerfiles{began: time.Now().AddDate(-1, 0, 0), files: map[string][]byte{}, used: map[string]string{}}}
	k.listen(t)
	dir := t.TempDir()
	files, err := packed("tar", box)
	require.NoError(t, err)
	sh, err := shell()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "box.tar"), files, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sh"), sh, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nADD box.tar /\nCOPY sh /bin/sh\nENV PATH=/bin\n"), 0o644))
	out := t.TempDir()
	text, err := k.build(t, out, "--local", "context="+dir, "--local", "dockerfile="+dir)
	require.NoError(t, err, text)
	k.box, err = readLayout(out)
	require.NoError(t, err)
	k.base, err = treeOf(filepath.Join(out, "tree.tar"), k.began)
	require.NoError(t, err)
	return k
}

// build builds to dir: tree.tar, and an image in oci.tar.
func (k *buildKit) build(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{
		"--addr", os.Getenv(envBuildKit), "build", "--progress=plain", "--no-cache", "--frontend", "dockerfile.v0",
		"--output", "type=tar,dest=" + filepath.Join(dir, "tree.tar"), "--output", "type=oci,dest=" + filepath.Join(dir, "oci.tar"),
	}, args...)
	out, err := exec.CommandContext(t.Context(), "buildctl", args...).CombinedOutput()
	return string(out), err
}

func (k *buildKit) differences(t *testing.T, c *buildCase) (string, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "caisson-buildkit-")
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	opts, _, err := k.options(dir, c)
	if err != nil {
		return "", err
	}
	args := []string{"--local", "context=" + filepath.Join(dir, "context")}
	for name := range opts.Contexts.Files {
		args = append(args, "--local", name+"="+filepath.Join(dir, "in-"+name), "--opt", "context:"+name+"=local:"+name)
	}
	for _, s := range c.all("secret") {
		file := filepath.Join(dir, "secret-"+s.words[1])
		if err := os.WriteFile(file, opts.Run.Secrets[s.words[1]], 0o600); err != nil {
			return "", err
		}
		args = append(args, "--secret", "id="+s.words[1]+",src="+file)
	}
	for k, v := range opts.Args {
		args = append(args, "--opt", "build-arg:"+k+"="+v)
	}
	for k, v := range opts.Labels {
		args = append(args, "--opt", "label:"+k+"="+v)
	}
	images := map[string]layout{}
	if !strings.Contains(opts.DockerfileText, "AS box") { // which a context goes before
		images["box"] = k.box
	}
	for i, s := range c.all("image") {
		l, err := k.image(t, filepath.Join(dir, fmt.Sprint("image-", i)), s.text, images, args)
		if err != nil {
			return err.Error(), nil
		}
		images[s.words[1]] = l
	}
	for name, ref := range opts.Contexts.Images {
		images[name] = images[ref]
	}
	for k, v := range map[string]string{"target": opts.Target, "platform": opts.Platform, "filename": opts.Dockerfile} {
		if v != "" {
			args = append(args, "--opt", k+"="+v)
		}
	}
	out := filepath.Join(dir, "result")
	text, err := k.of(t, out, opts.DockerfileText, images, args)
	return k.compare(c, out, text, err)
}

// of builds a Dockerfile, which is in the context if it has no text.
func (k *buildKit) of(t *testing.T, dir, text string, images map[string]layout, args []string) (string, error) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	args = slices.Clone(args)
	if text == "" {
		args = append(args, "--local", strings.Replace(args[1], "context=", "dockerfile=", 1))
	} else {
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644); err != nil {
			return "", err
		}
		args = append(args, "--local", "dockerfile="+dir)
	}
	for name, l := range images {
		id := strings.NewReplacer(":", "-", "/", "-").Replace(name)
		args = append(args, "--oci-layout", id+"="+l.dir, "--opt", "context:"+name+"=oci-layout:"+id+"@"+l.digest)
	}
	return k.build(t, dir, args...)
}

func (k *buildKit) image(t *testing.T, dir, text string, images map[string]layout, args []string) (layout, error) {
	t.Helper()
	if out, err := k.of(t, dir, text, images, args); err != nil {
		return layout{}, fmt.Errorf("%w: %s", err, out)
	}
	return readLayout(dir)
}

// compare compares what came of a case.
func (k *buildKit) compare(c *buildCase, dir, text string, err error) (string, error) {
	if want := c.of("error"); want != nil {
		lines := slices.DeleteFunc(want.wanted(), func(line string) bool { return !placed.MatchString(text) || !strings.HasPrefix(line, "line ") })
		if err != nil {
			err = errors.New(text)
		}
		return compareError(err, lines), nil
	}
	if err != nil {
		return text, nil
	}
	var wrong strings.Builder
	if want := c.of("output"); want != nil {
		for _, line := range want.wanted() {
			if !strings.Contains(text, line) {
				fmt.Fprintf(&wrong, "output: no %q in\n%s\n", line, text)
			}
		}
	}
	if want := c.of("tree"); want != nil {
		got, err := treeOf(filepath.Join(dir, "tree.tar"), k.began)
		if err != nil {
			return "", err
		}
		wrong.WriteString(compareLines(want.wanted(), append(k.changed(got), "/ 0755")))
	}
	if c.of("config") == nil && c.of("history") == nil {
		return wrong.String(), nil
	}
	l, err := readLayout(dir)
	if err != nil {
		return "", err
	}
	img, steps, err := l.read()
	if err != nil {
		return "", err
	}
	if want := c.of("config"); want != nil {
		wrong.WriteString(compareConfig(img, want.wanted()))
	}
	if want := c.of("history"); want != nil {
		wrong.WriteString(compareHistory(steps, want.wanted()))
	}
	return wrong.String(), nil
}

func treeOf(file string, began time.Time) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readTree(f, began)
}

// readLayout unpacks oci.tar beside it.
func readLayout(dir string) (layout, error) {
	l := layout{dir: filepath.Join(dir, "oci")}
	f, err := os.Open(filepath.Join(dir, "oci.tar"))
	if err != nil {
		return l, err
	}
	defer f.Close()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			return l, err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(l.dir, h.Name)), 0o755); err != nil {
			return l, err
		}
		if err := os.WriteFile(filepath.Join(l.dir, h.Name), b, 0o644); err != nil {
			return l, err
		}
	}
	var index struct{ Manifests []struct{ Digest string } }
	if err := readJSON(filepath.Join(l.dir, "index.json"), &index); err != nil {
		return l, err
	}
	l.digest = index.Manifests[0].Digest
	return l, nil
}

func readJSON(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(b)).Decode(v)
}

// read returns the image as the store has it, and its history, the last step first.
func (l layout) read() (*image.Image, []image.Step, error) {
	blob := func(digest string, v any) error {
		return readJSON(filepath.Join(l.dir, "blobs", strings.Replace(digest, ":", "/", 1)), v)
	}
	var manifest struct {
		Config    struct{ Digest string }
		Manifests []struct{ Digest string }
	}
	err := blob(l.digest, &manifest)
	if err == nil && len(manifest.Manifests) > 0 {
		err = blob(manifest.Manifests[0].Digest, &manifest)
	}
	var config struct {
		OS, Architecture string
		Config           struct {
			User, WorkingDir, StopSignal         string
			Env, Entrypoint, Cmd, Shell, OnBuild []string
			Labels                               map[string]string
			Volumes, ExposedPorts                map[string]struct{}
			Healthcheck                          *image.HealthConfig
		}
		History []struct {
			CreatedBy  string `json:"created_by"`
			EmptyLayer bool   `json:"empty_layer"`
		}
	}
	if err == nil {
		err = blob(manifest.Config.Digest, &config)
	}
	if err != nil {
		return nil, nil, err
	}
	c := config.Config
	img := &image.Image{OS: config.OS, Arch: config.Architecture, Labels: c.Labels, Config: image.Config{
		User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir, StopSignal: c.StopSignal, Shell: c.Shell, OnBuild: c.OnBuild,
		Volumes: slices.Sorted(maps.Keys(c.Volumes)), ExposedPorts: slices.Sorted(maps.Keys(c.ExposedPorts)), Health: c.Healthcheck,
	}}
	var steps []image.Step
	for _, h := range slices.Backward(config.History) {
		s := image.Step{CreatedBy: strings.TrimSuffix(h.CreatedBy, " # buildkit")}
		if !h.EmptyLayer {
			s.Layer = "a"
		}
		steps = append(steps, s)
	}
	return img, steps, nil
}
