//go:build linux

package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// played opens a store whose agent the test plays. Tests that do so begin with TestClient: they need no agent and no
// privileges.
func played(t *testing.T) (*agenttest.Agent, *image.Store) {
	t.Helper()
	a := agenttest.New(t)
	s, err := image.OpenStore(image.StoreOptions{Root: a.Root, RunRoot: a.RunRoot})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // its agent may be dead
	return a, s
}

// atOnce is how soon a cancelled call must return, on a busy machine. One that hangs does not return at all.
const atOnce = 5 * time.Second

// verb is a method of Store: what it asks for, and what it makes of the answer.
type verb struct {
	route  api.Route
	call   func(ctx context.Context, s *image.Store) (any, error)
	in     string // the request, as JSON; empty for none
	answer agenttest.Handler
	want   any
}

// nothing is the result of methods that have none.
type nothing struct{}

func none(err error) (any, error) { return nothing{}, err }

var (
	app   = image.Image{ID: "sha256:01", Names: []string{"docker.io/library/app:1"}, Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Size: 7}
	frame = agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a "}, agenttest.Frame{Kind: api.Stdout, Data: "tar"}, agenttest.Frame{Kind: api.Exit})
)

func done(v any) agenttest.Handler { return agenttest.Events(agenttest.Done(v)) }

var verbs = map[string]verb{
	"Build": {api.ImageBuild, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Build(ctx, image.BuildOptions{DockerfileText: "FROM scratch", Tags: []string{"app:1"}, Output: io.Discard})
	}, `{"options": {"dockerfileText": "FROM scratch", "tags": ["app:1"]}, "input": {}}`, done(app), &app},
	"Check": {api.StoreCheck, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Check(ctx, image.CheckOptions{Quick: true})
	}, `{"quick": true}`, agenttest.Answer(image.CheckResult{Repaired: true}), image.CheckResult{Repaired: true}},
	"Destroy": {api.StoreDestroy, func(ctx context.Context, s *image.Store) (any, error) {
		return none(s.Destroy(ctx))
	}, "", agenttest.Answer(nothing{}), nothing{}},
	"DiskUsage": {api.StoreUsage, func(ctx context.Context, s *image.Store) (any, error) {
		return s.DiskUsage(ctx)
	}, "", agenttest.Answer(image.DiskUsage{Images: image.Usage[image.ImageUsage]{Size: 5}}), &image.DiskUsage{Images: image.Usage[image.ImageUsage]{Size: 5}}},
	"Export": {api.ImageExport, func(ctx context.Context, s *image.Store) (any, error) {
		var b bytes.Buffer
		err := s.Export(ctx, &b, "app:1")
		return b.String(), err
	}, `{"ref": "app:1"}`, frame, "a tar"},
	"Get": {api.ImageGet, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Get(ctx, "app:1")
	}, `{"ref": "app:1"}`, agenttest.Answer(app), &app},
	"History": {api.ImageHistory, func(ctx context.Context, s *image.Store) (any, error) {
		return s.History(ctx, "app:1")
	}, `{"ref": "app:1"}`, agenttest.Answer([]image.Step{{CreatedBy: "RUN make"}}), []image.Step{{CreatedBy: "RUN make"}}},
	"Import": {api.ImageImport, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Import(ctx, strings.NewReader("a tar"), image.ImportOptions{Tags: []string{"app:1"}})
	}, `{"tags": ["app:1"]}`, done(app), &app},
	"Lint": {api.ImageLint, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Lint(ctx, image.BuildOptions{DockerfileText: "FROM scratch", Target: "a"})
	}, `{"options": {"dockerfileText": "FROM scratch", "target": "a"}, "input": {"quiet": true}}`, done(image.LintResult{File: "Dockerfile"}), &image.LintResult{File: "Dockerfile"}},
	"List": {api.ImageList, func(ctx context.Context, s *image.Store) (any, error) {
		return s.List(ctx, image.ListOptions{All: true, Filter: image.Filter{Labels: map[string]string{"a": ""}}})
	}, `{"all": true, "labels": {"a": ""}}`, agenttest.Answer([]image.Image{app}), []image.Image{app}},
	"Load": {api.ImageLoad, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Load(ctx, strings.NewReader("an archive"), image.LoadOptions{})
	}, `{}`, done([]image.Image{app}), []image.Image{app}},
	"Prune": {api.ImagePrune, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Prune(ctx, image.PruneOptions{All: true})
	}, `{"all": true}`, agenttest.Answer(image.PruneResult{Space: 9}), image.PruneResult{Space: 9}},
	"PruneCache": {api.CachePrune, func(ctx context.Context, s *image.Store) (any, error) {
		return s.PruneCache(ctx, image.PruneCacheOptions{All: true, KeepStorage: 5})
	}, `{"all": true, "keepStorage": 5}`, agenttest.Answer(image.PruneCacheResult{Space: 9}), image.PruneCacheResult{Space: 9}},
	"Pull": {api.ImagePull, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Pull(ctx, "app:1", image.PullOptions{Platform: "linux/arm64", Transport: image.Transport{Insecure: true}})
	}, `{"ref": "app:1", "options": {"platform": "linux/arm64", "transport": {"insecure": true}}}`, done(app), &app},
	"Push": {api.ImagePush, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Push(ctx, "app:1", image.PushOptions{Destination: "localhost:5000/app"})
	}, `{"ref": "app:1", "options": {"destination": "localhost:5000/app"}}`, done(api.Pushed{Digest: "sha256:02"}), "sha256:02"},
	"PushIndex": {api.ImagePushIndex, func(ctx context.Context, s *image.Store) (any, error) {
		return s.PushIndex(ctx, "app:1", []string{"amd", "arm"}, image.PushOptions{Level: 2})
	}, `{"ref": "app:1", "images": ["amd", "arm"], "options": {"level": 2}}`, done(api.Pushed{Digest: "sha256:02"}), "sha256:02"},
	"Remove": {api.ImageRemove, func(ctx context.Context, s *image.Store) (any, error) {
		return s.Remove(ctx, "app:1", image.RemoveOptions{Force: true})
	}, `{"ref": "app:1", "options": {"force": true}}`, agenttest.Answer(image.RemoveResult{Untagged: []string{"app:1"}}), image.RemoveResult{Untagged: []string{"app:1"}}},
	"Save": {api.ImageSave, func(ctx context.Context, s *image.Store) (any, error) {
		var b bytes.Buffer
		err := s.Save(ctx, &b, []string{"app:1", "app:2"}, image.SaveOptions{Format: image.FormatOCI})
		return b.String(), err
	}, `{"refs": ["app:1", "app:2"], "options": {"format": "oci-archive"}}`, frame, "a tar"},
	"Tag": {api.ImageTag, func(ctx context.Context, s *image.Store) (any, error) {
		return none(s.Tag(ctx, "app:1", "app:2"))
	}, `{"ref": "app:1", "name": "app:2"}`, agenttest.Answer(nothing{}), nothing{}},
	"Untag": {api.ImageUntag, func(ctx context.Context, s *image.Store) (any, error) {
		return none(s.Untag(ctx, "app:2"))
	}, `{"name": "app:2"}`, agenttest.Answer(nothing{}), nothing{}},
	"FS": {api.FSOpen, func(ctx context.Context, s *image.Store) (any, error) {
		f, err := s.FS(ctx, "app:1")
		if err == nil {
			err = f.Close()
		}
		return none(err)
	}, `{"ref": "app:1"}`, agenttest.Then(agenttest.Answer("0a"), agenttest.Hang()), nothing{}},
}

// streams are the methods whose answers come bit by bit.
var streams = []string{"Build", "Export", "Import", "Lint", "Load", "Pull", "Push", "PushIndex", "Save"}

// all calls every method at the same time, and check gets what each returned.
func all(t *testing.T, ctx context.Context, s *image.Store, check func(name string, got any, err error)) {
	t.Helper()
	var wg sync.WaitGroup
	for name, v := range verbs {
		wg.Go(func() {
			got, err := v.call(ctx, s)
			check(name, got, err)
		})
	}
	wg.Wait()
}

func TestClientRequests(t *testing.T) {
	t.Parallel()
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			a.Handle(api.FSClose, agenttest.Answer(nothing{}))
			a.Handle(v.route, v.answer)
			got, err := v.call(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, v.want, got)
			req := a.Requests()[0]
			assert.Equal(t, v.route, req.Route)
			if v.in == "" {
				assert.Empty(t, string(req.In))
			} else {
				assert.JSONEq(t, v.in, string(req.In))
			}
		})
	}
}

// Each route of images and the store has a method that is tested here, or in TestClientFS.
func TestClientRoutes(t *testing.T) {
	t.Parallel()
	tested := map[api.Route]bool{api.FSClose: true, api.FSRead: true, api.FSReadDir: true, api.FSReadLink: true, api.FSStat: true}
	for _, v := range verbs {
		tested[v.route] = true
	}
	for _, r := range api.Routes() {
		if strings.HasPrefix(r.String(), "/images/") || strings.HasPrefix(r.String(), "/store/") {
			assert.True(t, tested[r], "%s is not tested", r)
		}
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	a.HandleAll(agenttest.Fail(api.Errorf(api.ErrNotFound, "image app:1: it is not in the store")))
	all(t, t.Context(), s, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, image.ErrNotFound, name)
		assert.EqualError(t, err, "image app:1: it is not in the store", name)
	})
}

func TestClientCancel(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	var started sync.WaitGroup
	started.Add(len(verbs))
	a.HandleAll(func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		started.Done()
		agenttest.Hang()(w, r, in, body)
	})
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var begin time.Time
	go func() {
		started.Wait()
		begin = time.Now()
		cancel(why)
	}()
	all(t, ctx, s, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, why, name)
		assert.Less(t, time.Since(begin), atOnce, name)
	})
}

// An agent that dies breaks every call, and the error has what it said last. The store can be opened again.
func TestClientAgentGone(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	var started sync.WaitGroup
	started.Add(len(verbs))
	a.HandleAll(func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		started.Done()
		agenttest.Hang()(w, r, in, body)
	})
	go func() {
		started.Wait()
		a.Die("signal: killed", "panic: too bad")
	}()
	all(t, t.Context(), s, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, image.ErrAgentGone, name)
		assert.ErrorContains(t, err, "(signal: killed): panic: too bad", name)
	})
	_, err := s.List(t.Context(), image.ListOptions{})
	require.ErrorIs(t, err, image.ErrAgentGone)
	again, err := image.OpenStore(image.StoreOptions{Root: a.Root, RunRoot: a.RunRoot})
	require.NoError(t, err)
	a.HandleAll(agenttest.Answer([]image.Image{app}))
	imgs, err := again.List(t.Context(), image.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, []image.Image{app}, imgs)
	require.NoError(t, again.Close())
}

func TestClientAgentGoneInStream(t *testing.T) {
	t.Parallel()
	for _, name := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			begin := agenttest.Events(agenttest.Progress(nothing{}))
			if name == "Export" || name == "Save" {
				begin = agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a "})
			}
			a.Handle(verbs[name].route, agenttest.Then(begin, func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") }))
			_, err := verbs[name].call(t.Context(), s)
			require.ErrorIs(t, err, image.ErrAgentGone)
		})
	}
}

// What can't be understood is an error.
func TestClientNonsense(t *testing.T) {
	t.Parallel()
	const (
		every = iota
		resulting
		streaming
	)
	for what, c := range map[string]struct {
		of int // which methods
		h  agenttest.Handler
	}{
		"no such route":            {every, agenttest.Raw(404, "404 page not found")},
		"an error that isn't JSON": {every, agenttest.Raw(500, "panic")},
		"no answer":                {resulting, agenttest.Raw(200, "")},
		"half an answer":           {resulting, agenttest.Raw(200, `{"names": ["app`)},
		"not JSON":                 {resulting, agenttest.Raw(200, "<html>")},
		"another type":             {resulting, agenttest.Raw(200, `"text"`)},
		"another type of result":   {streaming, agenttest.Events(agenttest.Done([]int{1}))},
		"no end":                   {streaming, agenttest.Events(agenttest.Progress(nothing{}))},
		"a frame that is too long": {streaming, agenttest.Raw(200, "\x01\xff\xff\xff\xff")},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			a.HandleAll(c.h)
			all(t, t.Context(), s, func(name string, _ any, err error) {
				if c.of == every || c.of == resulting && verbs[name].want != any(nothing{}) || c.of == streaming && slices.Contains(streams, name) {
					assert.Error(t, err, name)
				}
			})
		})
	}
}
