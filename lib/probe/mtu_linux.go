package probe

import (
	"net"

	"golang.org/x/sys/unix"
)

// vanishes tells whether what we sent was retransmitted and never acknowledged, although the
// connection itself was opened: the mark of a path that drops large packets.
func vanishes(c net.Conn) bool {
	tc, ok := c.(*net.TCPConn)
	if !ok {
		return false
	}
	rc, err := tc.SyscallConn()
	if err != nil {
		return false
	}
	lost := false
	_ = rc.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		lost = err == nil && info.Unacked > 0 && info.Retransmits > 0
	})
	return lost
}
