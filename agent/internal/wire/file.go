package wire

import (
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/answer"
)

// SendFile gives the client a descriptor of f as the answer.
func SendFile(w http.ResponseWriter, f *os.File) {
	conn, br, err := answer.Upgrade(w)
	if err != nil {
		Fail(w, err)
		return
	}
	defer conn.Close()
	if _, err := br.ReadByte(); err != nil { // it has read the header
		return
	}
	if uc, ok := conn.(*net.UnixConn); ok {
		_, _, _ = uc.WriteMsgUnix([]byte{1}, unix.UnixRights(int(f.Fd())), nil) // the client is gone when this fails
	}
}
