// Package answer writes what an agent answers over its socket: a value, an error, a stream of events, or a connection
// that is taken over. The agent and the fake agent of tests answer by it, and so in the same way.
//
// It writes to the connection that it is given, and knows package api alone.
package answer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/caisson-dev/caisson/internal/api"
)

// JSON answers with v.
func JSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}

// Error answers that what was asked for failed.
func Error(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(api.ToError(err)) // the client is gone when this fails
}

// Upgrade answers that the connection is a stream of frames from now on, and takes it over. The reader has what the client
// has sent already.
//
// Errors: those of http.Hijacker and of the connection.
func Upgrade(w http.ResponseWriter) (net.Conn, *bufio.Reader, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("take the connection over: %w", err)
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+api.Upgrade+"\r\n\r\n"); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, rw.Reader, nil
}
