// Command webservice counts visits in a Redis, or what speaks as one. Its test runs that in a container.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	log.Fatal(http.ListenAndServe(":8080", counter{store: os.Getenv("STORE")}))
}

// counter answers each request with how many there were of that path.
type counter struct {
	store string // host:port
}

func (c counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := c.incr("visits:" + r.URL.Path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, n)
}

// incr is Redis's INCR, in its protocol's inline form.
func (c counter) incr(key string) (int, error) {
	conn, err := net.DialTimeout("tcp", c.store, time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(conn, "INCR %s\r\n", key); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return 0, err
	}
	number, ok := strings.CutPrefix(strings.TrimSpace(line), ":")
	if !ok {
		return 0, fmt.Errorf("the store says %q", line)
	}
	return strconv.Atoi(number)
}
