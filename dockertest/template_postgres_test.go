//go:build linux

package dockertest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// session speaks as much of PostgreSQL's protocol as these tests need: no driver is a dependency.
type session struct{ net.Conn }

func connect(address, database string) (*session, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &session{conn}
	body := binary.BigEndian.AppendUint32(nil, 3<<16)
	for _, word := range []string{"user", "postgres", "database", database, ""} {
		body = append(append(body, word...), 0)
	}
	if err := s.send(0, body); err == nil {
		_, err = s.answer()
		if err == nil {
			return s, nil
		}
		return nil, errors.Join(err, conn.Close())
	}
	return nil, errors.Join(err, conn.Close())
}

func (s *session) send(kind byte, body []byte) error {
	var b []byte
	if kind != 0 {
		b = append(b, kind)
	}
	_, err := s.Write(append(binary.BigEndian.AppendUint32(b, uint32(len(body)+4)), body...))
	return err
}

// answer reads until the server waits for a query, and returns the first column of the last row.
func (s *session) answer() (value string, err error) {
	for {
		var head [5]byte
		if _, err := io.ReadFull(s, head[:]); err != nil {
			return "", err
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(s, body); err != nil {
			return "", err
		}
		switch head[0] {
		case 'E':
			return "", fmt.Errorf("PostgreSQL: %q", body)
		case 'D':
			if n := binary.BigEndian.Uint32(body[2:]); n < 1<<31 {
				value = string(body[6 : 6+n])
			}
		case 'Z':
			return value, nil
		}
	}
}

func (s *session) query(text string) (string, error) {
	if err := s.send('Q', append([]byte(text), 0)); err != nil {
		return "", err
	}
	return s.answer()
}

// askOnce connects, asks and leaves.
func askOnce(address, database, text string) (string, error) {
	s, err := connect(address, database)
	if err != nil {
		return "", err
	}
	value, err := s.query(text)
	return value, errors.Join(err, s.Close())
}

func postgresTemplate(t testing.TB, img string, opts ...dockertest.Option) *dockertest.Prepared {
	return dockertest.Template(t, img, func(pg *dockertest.Container) {
		pg.Exec("/opt/postgres/psql", "-U", "postgres", "-c",
			"create table t (n int primary key, text text); insert into t select n, repeat('x', 100) from generate_series(1, 10000) n")
	}, append(opts, dockertest.StopTimeout(time.Minute), dockertest.Modify(func(o *container.Options) { o.Lifecycle.StopSignal = "SIGINT" }), dockertest.Port(5432), dockertest.All(
		dockertest.WaitPort(5432), dockertest.WaitLog("ready to accept connections")))...)
}

func TestTemplatePostgres(t *testing.T) {
	t.Parallel()
	p := postgresTemplate(t, servers(t))
	for range 3 {
		pg := p.Run(t)
		assert.Equal(t, "10000", pg.Exec("/opt/postgres/psql", "-U", "postgres", "-Atc", "select count(*) from t"))
		pg.Exec("/opt/postgres/psql", "-U", "postgres", "-c", "truncate t")
	}
}

// TestForkUnderLoad: forks of a server that is written to recover, with all that was acknowledged before and nothing half done.
// CAISSON_TEST_FORKS is how many.
func TestForkUnderLoad(t *testing.T) {
	testenv.Slow(t)
	t.Parallel()
	pg := dockertest.Run(t, servers(t), dockertest.Port(5432), dockertest.All(
		dockertest.WaitPort(5432), dockertest.WaitLog("ready to accept connections")))
	if err := pg.Fixture().Pause(t.Context()); errors.Is(err, container.ErrUnsupported) {
		t.Skip("an ordinary user without delegated cgroups")
	} else {
		require.NoError(t, err)
		pg.Resume()
	}
	address := pg.Addr(5432)
	_, err := askOnce(address, "postgres", "create table a (n int primary key, text text); create table b (n int primary key, text text)")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var acknowledged atomic.Int64
	var writing sync.WaitGroup
	writing.Go(func() {
		s, err := connect(address, "postgres")
		if !assert.NoError(t, err) {
			return
		}
		defer s.Close()
		for n := int64(1); ctx.Err() == nil; n++ {
			_, err := s.query(fmt.Sprintf("begin; insert into a values (%d, repeat('x', 1000)); insert into b values (%d, repeat('y', 1000)); commit", n, n))
			if !assert.NoError(t, err) {
				return
			}
			acknowledged.Store(n)
		}
	})
	defer writing.Wait()
	defer cancel()
	times := 2
	if n, err := strconv.Atoi(os.Getenv("CAISSON_TEST_FORKS")); err == nil {
		times = n
	}
	recovered := 0
	for range times {
		before := acknowledged.Load()
		f := pg.Fork(t)
		after := acknowledged.Load() + 1
		got, err := askOnce(f.Addr(5432), "postgres", "select count(*) || ' ' || count(b.n) || ' ' || coalesce(max(a.n), 0) from a full join b using (n)")
		require.NoError(t, err)
		var all, both, last int64
		_, err = fmt.Sscan(got, &all, &both, &last)
		require.NoError(t, err)
		if assert.Equal(t, all, both) && assert.Equal(t, all, last) && assert.GreaterOrEqual(t, all, before) && assert.LessOrEqual(t, all, after) {
			recovered++
		}
		require.NoError(t, f.Close())
	}
	t.Logf("%d of %d forks recovered, of a server with %d transactions", recovered, times, acknowledged.Load())
}

// BenchmarkTemplate is a database with its data until it has answered a query, in four ways: a fork that was ready, one that was
// not, twenty at once, and PostgreSQL's own way in a server that runs.
func BenchmarkTemplate(b *testing.B) {
	img := servers(b)
	answered := func(b *testing.B, pg *dockertest.Fixture) {
		b.Helper()
		address, err := pg.Addr(b.Context(), 5432, "")
		require.NoError(b, err)
		got, err := askOnce(address.String(), "postgres", "select count(*) from t")
		require.NoError(b, err)
		require.Equal(b, "10000", got)
	}
	b.Run("taken", func(b *testing.B) {
		p := postgresTemplate(b, img)
		for b.Loop() {
			b.StopTimer()
			for p.Ready() < 2 {
				time.Sleep(time.Millisecond) // outside of what is measured
			}
			b.StartTimer()
			pg, err := p.Start(b.Context())
			require.NoError(b, err)
			answered(b, pg)
			b.StopTimer()
			require.NoError(b, pg.Close())
			b.StartTimer()
		}
	})
	p := postgresTemplate(b, img, dockertest.Label("cold", "yes"), dockertest.Ahead(0))
	b.Run("cold", func(b *testing.B) {
		var size int64
		for b.Loop() {
			pg, err := p.Start(b.Context())
			require.NoError(b, err)
			answered(b, pg)
			b.StopTimer()
			eng, err := dockertest.Engine()
			require.NoError(b, err)
			usage, err := eng.Store().DiskUsage(b.Context())
			require.NoError(b, err)
			for _, c := range usage.Containers.Items {
				if c.ID == pg.ID() {
					size = c.Size
				}
			}
			require.NoError(b, pg.Close())
			b.StartTimer()
		}
		b.ReportMetric(float64(size)/(1<<20), "MiB/fork")
	})
	b.Run("twenty", func(b *testing.B) {
		for b.Loop() {
			var wg sync.WaitGroup
			all := make([]*dockertest.Fixture, 20)
			for i := range all {
				wg.Go(func() {
					pg, err := p.Start(b.Context())
					if assert.NoError(b, err) {
						all[i] = pg
						answered(b, pg)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			for _, pg := range all {
				require.NoError(b, pg.Close())
			}
			b.StartTimer()
		}
	})
	b.Run("createdb", func(b *testing.B) {
		pg, err := p.Start(b.Context())
		require.NoError(b, err)
		defer pg.Close()
		addr, err := pg.Addr(b.Context(), 5432, "")
		require.NoError(b, err)
		address := addr.String()
		_, err = askOnce(address, "postgres", "create database prepared")
		require.NoError(b, err)
		_, err = askOnce(address, "prepared", "create table t (n int primary key, text text); insert into t select n, repeat('x', 100) from generate_series(1, 10000) n")
		require.NoError(b, err)
		for i := 0; b.Loop(); i++ {
			name := fmt.Sprint("copy", i)
			_, err = askOnce(address, "postgres", "create database "+name+" template prepared")
			require.NoError(b, err)
			got, err := askOnce(address, name, "select count(*) from t")
			require.NoError(b, err)
			require.Equal(b, "10000", got)
		}
	})
}
