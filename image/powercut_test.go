//go:build linux

package image_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// envCuts is how many times the power is cut at any moment; each cut is also followed by one right after something is done.
const envCuts = "CAISSON_TEST_CUTS"

// TestPowerCut cuts the power: a copy of the store's device at one moment is what a machine has that went down in it. After
// it, each image that was reported done is there by its names, whole, and what was under way is no damage.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	testenv.Root(t)
	cuts := 4
	if v := os.Getenv(envCuts); v != "" {
		var err error
		cuts, err = strconv.Atoi(v)
		require.NoError(t, err)
	}
	p := &power{Disk: testenv.NewDisk(t, 256<<20), have: map[string]string{}}
	p.root = filepath.Join(p.Dir, "store")
	ctx := t.Context()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	elsewhere := open(t)
	archives := map[string][]byte{}
	for i := range 3 {
		name := fmt.Sprint("image", i)
		_, err := build(t, elsewhere, fmt.Sprintf("%sCOPY note /note%d\nRUN fill /random %d\n", base, i, 1<<18), image.BuildOptions{Tags: []string{name}, Output: io.Discard}, map[string]string{"note": name})
		require.NoError(t, err)
		_, err = elsewhere.Push(ctx, name, image.PushOptions{Destination: reg.Addr + "/" + name})
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, elsewhere.Save(ctx, &b, []string{name}, image.SaveOptions{}))
		archives[name] = b.Bytes()
	}
	s, err := image.OpenStore(image.StoreOptions{Root: p.root})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Destroy(ctx)) }()

	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed, "with", cuts, "cuts; atomic copies:", p.Atomic)
	random := rand.New(rand.NewPCG(seed, 0))
	steps := []func(name string) (*image.Image, error){
		func(name string) (*image.Image, error) {
			return build(t, s, base+"COPY note /note\nRUN fill /random 300000\n", image.BuildOptions{Tags: []string{name}, Output: io.Discard}, map[string]string{"note": name})
		},
		func(name string) (*image.Image, error) {
			return s.Import(ctx, bytes.NewReader(rootTar(t, map[string]string{"file": name, "d/": "", "d/more": string(make([]byte, 1<<16))})), image.ImportOptions{Tags: []string{name}})
		},
		func(name string) (*image.Image, error) {
			ref := fmt.Sprint(reg.Addr, "/image", random.IntN(3))
			if _, err := s.Pull(ctx, ref, image.PullOptions{}); err != nil {
				return nil, err
			}
			return tagged(ctx, s, ref, name)
		},
		func(name string) (*image.Image, error) {
			imgs, err := s.Load(ctx, bytes.NewReader(archives[fmt.Sprint("image", random.IntN(3))]), image.LoadOptions{})
			if err != nil {
				return nil, err
			}
			return tagged(ctx, s, imgs[0].ID, name)
		},
	}
	for i := range 2 * cuts {
		name := fmt.Sprint("cut", i)
		stop := func() {}
		if i%2 == 1 && p.Atomic {
			stop = p.cutWithin(t, time.Duration(random.IntN(400))*time.Millisecond)
		}
		img, err := steps[random.IntN(len(steps))](name)
		require.NoError(t, err)
		stop()
		p.done(name, img.ID)
		if random.IntN(3) == 0 {
			p.gone(name)
			_, err := s.Remove(ctx, name, image.RemoveOptions{})
			require.NoError(t, err)
		}
		if i%2 == 0 {
			p.cut(t)
		}
	}
	p.verify(t)
}

func tagged(ctx context.Context, s *image.Store, ref, name string) (*image.Image, error) {
	if err := s.Tag(ctx, ref, name); err != nil {
		return nil, err
	}
	return s.Get(ctx, name)
}

// power is a store on a device of its own.
type power struct {
	*testenv.Disk
	root string

	mu   sync.Mutex
	have map[string]string // the images that were reported done
	cuts []powerCut
}

// powerCut is a copy of the device, and what it must have.
type powerCut struct {
	disk string
	want map[string]string
}

func (p *power) done(name, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.have["docker.io/library/"+name+":latest"] = id
}

// gone is called before a removal: the image may be there or not.
func (p *power) gone(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.have, "docker.io/library/"+name+":latest")
}

// cut cuts the power now.
func (p *power) cut(t *testing.T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	disk, err := p.Cut()
	if assert.NoError(t, err) {
		p.cuts = append(p.cuts, powerCut{disk, maps.Clone(p.have)})
	}
}

// cutWithin cuts after a while, unless stop is called before.
func (p *power) cutWithin(t *testing.T, d time.Duration) (stop func()) {
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		select {
		case <-time.After(d):
			p.cut(t)
		case <-end:
		}
	})
	return func() { close(end); wg.Wait() }
}

// verify starts the machine again after each cut.
func (p *power) verify(t *testing.T) {
	for i, c := range p.cuts {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			s, err := image.OpenStore(image.StoreOptions{Root: filepath.Join(testenv.MountDisk(t, c.disk), "store")})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			res, err := s.Check(t.Context(), image.CheckOptions{})
			require.NoError(t, err)
			assert.Empty(t, res.Problems)
			list, err := s.List(t.Context(), image.ListOptions{All: true})
			require.NoError(t, err)
			for name, id := range c.want {
				assert.True(t, slices.ContainsFunc(list, func(img image.Image) bool { return img.ID == id && slices.Contains(img.Names, name) }), "%s is lost", name)
			}
		})
	}
	assert.NotEmpty(t, p.cuts)
}
