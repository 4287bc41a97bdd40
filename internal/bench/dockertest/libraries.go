package main

import (
	"context"
	"fmt"

	"github.com/ory/dockertest/v3"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"

	caisson "github.com/caisson-dev/caisson/dockertest"
)

func ours() library {
	return library{"caisson dockertest", func(ctx context.Context, w workload) (string, func() error, error) {
		opts := []caisson.Option{caisson.Port(w.port)}
		if w.logLine != "" {
			opts = append(opts, caisson.All(caisson.WaitPort(w.port), caisson.WaitLog(w.logLine)))
		}
		c, err := caisson.Start(ctx, w.image(), opts...)
		if err != nil {
			return "", nil, err
		}
		addr, err := c.Addr(ctx, w.port, "")
		return addr.String(), c.Close, err
	}}
}

func testcontainersLibrary() library {
	return library{"testcontainers-go", func(ctx context.Context, w workload) (string, func() error, error) {
		port := fmt.Sprintf("%d/tcp", w.port)
		waits := []wait.Strategy{wait.ForListeningPort(port)}
		if w.logLine != "" {
			waits = append(waits, wait.ForLog(w.logLine))
		}
		c, err := testcontainers.Run(ctx, w.image(), testcontainers.WithExposedPorts(port),
			testcontainers.WithWaitStrategy(waits...), testcontainers.WithLogger(silent{}))
		if err != nil {
			return "", nil, err
		}
		addr, err := c.PortEndpoint(ctx, port, "")
		return addr, func() error { return c.Terminate(ctx, testcontainers.StopTimeout(0)) }, err
	}}
}

// silent keeps the library's lines for each step out of the table.
type silent struct{}

func (silent) Printf(string, ...any) {}

var _ tclog.Logger = silent{}

func oryLibrary() (library, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return library{}, err
	}
	return library{"ory/dockertest", func(ctx context.Context, w workload) (string, func() error, error) {
		port := fmt.Sprintf("%d/tcp", w.port)
		res, err := pool.RunWithOptions(&dockertest.RunOptions{Repository: w.repository, Tag: tag, ExposedPorts: []string{port}})
		if err != nil {
			return "", nil, err
		}
		addr := res.GetHostPort(port)
		err = pool.Retry(func() error { return w.probe(ctx, addr) })
		return addr, func() error { return pool.Purge(res) }, err
	}}, nil
}
