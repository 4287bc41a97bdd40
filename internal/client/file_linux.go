package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// File asks an agent for an open file. The agent is the one whose socket is the answer to where: descriptors don't pass
// through another.
func (c *Client) File(ctx context.Context, where, route api.Route, in any) (*os.File, error) {
	var at string
	if err := c.Do(ctx, where, nil, &at); err != nil {
		return nil, err
	}
	conn, err := unixsock.Dial(ctx, at)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	f, err := receiveFile(ctx, conn.(*net.UnixConn), route, in)
	return f, c.explain(ctx, err)
}

func receiveFile(ctx context.Context, conn *net.UnixConn, route api.Route, in any) (*os.File, error) {
	req, err := upgrade(ctx, route, in)
	if err != nil {
		return nil, err
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, readError(resp)
	}
	// The agent sends the descriptor when it hears that the header is read: a buffered reader would lose it.
	if _, err := conn.Write([]byte{1}); err != nil {
		return nil, err
	}
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, err
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return nil, errors.Join(errors.New("the agent sent no file"), err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(fmt.Errorf("the agent sent %d files", len(fds)), err)
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "socket"), nil
}
