package main

import (
	"context"

	"github.com/ory/dockertest/v3"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"

	caisson "github.com/caisson-dev/caisson/dockertest"
)

const (
	repository = "localhost/caisson-bench-httpd"
	tag        = "1"
)

func ours(img string) library {
	return library{"caisson dockertest", func(ctx context.Context) (string, func() error, error) {
		c, err := caisson.Start(ctx, img, caisson.Port(80))
		if err != nil {
			return "", nil, err
		}
		return c.URL("http", 80), c.Close, nil
	}}
}

func testcontainersLibrary() library {
	return library{"testcontainers-go", func(ctx context.Context) (string, func() error, error) {
		c, err := testcontainers.Run(ctx, repository+":"+tag, testcontainers.WithExposedPorts("80/tcp"),
			testcontainers.WithWaitStrategy(wait.ForListeningPort("80/tcp")),
			testcontainers.WithLogger(silent{}))
		if err != nil {
			return "", nil, err
		}
		url, err := c.PortEndpoint(ctx, "80/tcp", "http")
		return url, func() error { return c.Terminate(ctx, testcontainers.StopTimeout(0)) }, err
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
	return library{"ory/dockertest", func(ctx context.Context) (string, func() error, error) {
		res, err := pool.RunWithOptions(&dockertest.RunOptions{Repository: repository, Tag: tag, ExposedPorts: []string{"80/tcp"}})
		if err != nil {
			return "", nil, err
		}
		url := "http://" + res.GetHostPort("80/tcp")
		err = pool.Retry(func() error { return get(ctx, url) })
		return url, func() error { return pool.Purge(res) }, err
	}}, nil
}
