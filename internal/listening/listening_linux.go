package listening

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Of lists where something listens for TCP connections in the network of a process, by port. It is not known where the
// host does not let this process look.
func Of(pid int) (at []netip.AddrPort, known bool) {
	for _, name := range []string{"tcp", "tcp6"} {
		table, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, name))
		if err != nil {
			continue
		}
		at, known = append(at, listeners(table)...), true
		table.Close()
	}
	slices.SortFunc(at, func(a, b netip.AddrPort) int {
		return cmp.Or(cmp.Compare(a.Port(), b.Port()), a.Addr().Compare(b.Addr()))
	})
	return at, known
}

// listeners reads a table of sockets (proc_pid_net(5)): sl, local_address, rem_address, st and so on.
func listeners(table io.Reader) (at []netip.AddrPort) {
	for s := bufio.NewScanner(table); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) < 4 || fields[3] != "0A" {
			continue
		}
		host, number, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(number, 16, 16)
		if err != nil {
			continue
		}
		words, err := hex.DecodeString(host) // words of 32 bits, as the machine orders their bytes
		if err != nil || len(words)%4 != 0 {
			continue
		}
		for w := 0; w < len(words); w += 4 {
			binary.BigEndian.PutUint32(words[w:], binary.NativeEndian.Uint32(words[w:]))
		}
		if addr, ok := netip.AddrFromSlice(words); ok {
			at = append(at, netip.AddrPortFrom(addr, uint16(port)))
		}
	}
	return at
}
