package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
)

// sshKeys asks the SSH agent for its keys (draft-ietf-sshm-ssh-agent, section 3.5).
func sshKeys() (uint32, error) {
	c, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	const request, answer = 11, 12
	if _, err := c.Write([]byte{0, 0, 0, 1, request}); err != nil {
		return 0, err
	}
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return 0, err
	}
	if head[4] != answer {
		return 0, fmt.Errorf("the agent answers with message %d", head[4])
	}
	return binary.BigEndian.Uint32(head[5:]), nil
}
