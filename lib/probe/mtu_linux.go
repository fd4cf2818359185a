package probe

import (
	"net"

	"golang.org/x/sys/unix"
)

// pathOf asks the kernel about the packets of a TCP connection; not ok when it is closed.
func pathOf(c net.Conn) (p path, ok bool) {
	tc, is := c.(*net.TCPConn)
	if !is {
		return p, false
	}
	rc, err := tc.SyscallConn()
	if err != nil {
		return p, false
	}
	_ = rc.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		ok = true
		p.waits = info.Unacked > 0
		p.lost = p.waits && info.Retransmits > 1
		// Memory that holds what came, with nothing to read: it stands behind something that did not come.
		held, err1 := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MEMINFO)
		ready, err2 := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		p.gap = err1 == nil && err2 == nil && held > 0 && ready == 0 && info.Rcv_ooopack > 0
	})
	return p, ok
}
