// Command store knows INCR and PING of Redis's protocol, so that the example needs no network to get one.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"strings"
	"sync"
)

func main() {
	ln, err := net.Listen("tcp", ":6379")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("Ready to accept connections")
	s := &store{counts: map[string]int{}}
	for {
		conn, err := ln.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go s.serve(conn)
	}
}

type store struct {
	mu     sync.Mutex
	counts map[string]int
}

func (s *store) serve(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewScanner(conn); in.Scan(); {
		fmt.Fprint(conn, s.answer(strings.Fields(in.Text())), "\r\n")
	}
}

func (s *store) answer(words []string) string {
	switch {
	case len(words) == 1 && words[0] == "PING":
		return "+PONG"
	case len(words) == 2 && words[0] == "INCR":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.counts[words[1]]++
		return fmt.Sprintf(":%d", s.counts[words[1]])
	}
	return "-ERR unknown command"
}
