// Registry serves a registry with a login, kept in a directory, until it is interrupted:
//
//	registry -addr :5000 -dir /srv/images -user ci < password-file
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/caisson-dev/caisson/registry/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	dir := flag.String("dir", "", "directory for the content; memory when empty")
	user := flag.String("user", "admin", "who may log in, with the password on standard input")
	flag.Parse()
	password, _ := bufio.NewReader(os.Stdin).ReadString('\n')

	reg, err := server.Serve(server.Options{
		Dir:    *dir,
		Auth:   server.Auth{Users: []server.User{{Name: *user, Password: strings.TrimSpace(password)}}, Bearer: true},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}, server.ServeOptions{Addr: *addr})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reg.Addr)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	if err := reg.Close(); err != nil {
		log.Fatal(err)
	}
}
