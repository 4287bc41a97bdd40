package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	commands["listen"], commands["listen6"], commands["dial"], commands["get"] = listen, listen6, dial, get
	commands["echod"], commands["pump"] = echod, pump
}

// serve gives each connection to handle, which ends it.
func serve(addr string, handle func(net.Conn)) int { return serveOn("tcp", addr, handle) }

func serveOn(network, addr string, handle func(net.Conn)) int {
	l, err := net.Listen(network, addr)
	if err != nil {
		return fail(err)
	}
	fmt.Println("listening", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return fail(err)
		}
		go func() {
			defer c.Close()
			handle(c)
		}()
	}
}

// listen answers each connection with the line it sends, in capitals.
func listen(a []string) int { return serve(a[0], upperLines) }

// listen6 is listen on IPv6 alone.
func listen6(a []string) int { return serveOn("tcp6", a[0], upperLines) }

func upperLines(c net.Conn) {
	for s := bufio.NewScanner(c); s.Scan(); {
		fmt.Fprintln(c, strings.ToUpper(s.Text()))
	}
}

func dial(a []string) int {
	c, err := net.DialTimeout("tcp", a[0], 5*time.Second)
	if err != nil {
		return fail(err)
	}
	defer c.Close()
	fmt.Fprintln(c, strings.Join(a[1:], " "))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return fail(err)
	}
	fmt.Print(line)
	return 0
}

// get prints what a URL answers.
func get(a []string) int {
	c := http.Client{Timeout: 10 * time.Second}
	resp, err := c.Get(a[0])
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
		return fail(err)
	}
	return 0
}

// echod sends back what it gets on a port, by TCP until the end of what is sent, and by UDP.
func echod(a []string) int {
	pc, err := net.ListenPacket("udp", a[0])
	if err != nil {
		return fail(err)
	}
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, from, err := pc.ReadFrom(buf)
			if err == nil {
				_, err = pc.WriteTo(buf[:n], from)
			}
			if err != nil {
				fail(err)
			}
		}
	}()
	return serve(a[0], func(c net.Conn) {
		if _, err := io.Copy(c, c); err != nil {
			fail(err)
		}
	})
}

// pump sends that many bytes to an echod, for each "NETWORK ADDRESS BYTES", half-closes, and requires the same back.
func pump(a []string) int {
	for ; len(a) >= 3; a = a[3:] {
		n, err := strconv.Atoi(a[2])
		if err == nil {
			err = pumpOne(a[0], a[1], n)
		}
		if err != nil {
			return fail(fmt.Errorf("%s %s: %w", a[0], a[1], err))
		}
	}
	fmt.Println("ok")
	return 0
}

func pumpOne(network, addr string, n int) error {
	c, err := net.DialTimeout(network, addr, 30*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return pumpDatagram(c, n)
	}
	sent, got := sha256.New(), sha256.New()
	failed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.MultiWriter(c, sent), rand.NewChaCha8([32]byte{1}), int64(n))
		if err == nil {
			err = tcp.CloseWrite()
		}
		failed <- err
	}()
	back, err := io.Copy(got, c)
	if werr := <-failed; werr != nil {
		return fmt.Errorf("send: %w", werr)
	}
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if back != int64(n) || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d bytes came back of %d, or others", back, n)
	}
	return nil
}

// pumpDatagram sends again what does not come back, since UDP may lose it.
func pumpDatagram(c net.Conn, n int) error {
	want, buf := bytes.Repeat([]byte{0xa5}, n), make([]byte, 64<<10)
	var err error
	for range 10 {
		if _, err = c.Write(want); err != nil {
			continue
		}
		if err = c.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
			return err
		}
		var got int
		if got, err = c.Read(buf); err != nil {
			continue
		}
		if !bytes.Equal(want, buf[:got]) {
			return fmt.Errorf("%d bytes came back of %d, or others", got, n)
		}
		return nil
	}
	return err
}
