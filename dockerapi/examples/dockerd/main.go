// Command dockerd serves the Docker Engine API with no dockerd:
//
//	go run ./examples/dockerd -H unix:///tmp/docker.sock
//	DOCKER_HOST=unix:///tmp/docker.sock docker run --rm alpine echo hello
//
// With -H fd:// it takes the socket that systemd passes. Containers outlive it, as those of dockerd do.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi"
	"github.com/caisson-dev/caisson/image"
)

func main() {
	host := flag.String("H", "unix:///var/run/docker.sock", "where to listen: unix://PATH, tcp://ADDRESS:PORT on the loopback, or fd:// for systemd's socket")
	root := flag.String("data-root", "", "directory of images and containers (default: the store of this user)")
	attached := flag.Bool("attached", false, "containers end with this process")
	ip := flag.String("ip", "0.0.0.0", "address on which ports are published that name none")
	flag.Parse()
	if err := run(*host, *root, *ip, !*attached); err != nil {
		fmt.Fprintln(os.Stderr, "dockerd:", err)
		os.Exit(1)
	}
}

func run(host, root, ip string, detach bool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	publish, err := netip.ParseAddr(ip)
	if err != nil {
		return fmt.Errorf("-ip: %w", err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	store, err := image.OpenStoreContext(ctx, image.StoreOptions{Root: root, Logger: logger})
	if err != nil {
		return err
	}
	defer store.Close()
	engine, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		return err
	}
	listener, err := listen(host)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "API listen on", listener.Addr())
	return dockerapi.Serve(ctx, listener, dockerapi.Handler(store, engine, dockerapi.Options{Detach: detach, PublishOn: publish, Logger: logger}))
}

func listen(host string) (net.Listener, error) {
	kind, address, _ := strings.Cut(host, "://")
	switch kind {
	case "unix":
		return dockerapi.Listen(address)
	case "tcp":
		// Whoever can connect has the rights of this user: this example has no TLS, and so serves this machine alone.
		at, err := netip.ParseAddrPort(address)
		if err != nil || !at.Addr().IsLoopback() {
			return nil, fmt.Errorf("-H %s: it must be a port of the loopback, such as tcp://127.0.0.1:2375", host)
		}
		return net.Listen("tcp", address)
	case "fd":
		if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || os.Getenv("LISTEN_FDS") != "1" {
			return nil, fmt.Errorf("-H fd://: systemd has passed no socket: LISTEN_PID=%s LISTEN_FDS=%s", os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"))
		}
		const first = 3 // sd_listen_fds(3)
		return net.FileListener(os.NewFile(first, "systemd"))
	}
	return nil, fmt.Errorf("-H %q: it must be unix://PATH, tcp://ADDRESS:PORT or fd://", host)
}
