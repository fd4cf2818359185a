package probe

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// tellErrors asks for every ICMP report: without it Linux keeps "host unreachable" from UDP sockets.
func tellErrors(rc syscall.RawConn, v4 bool) error {
	return rc.Control(func(fd uintptr) {
		if v4 {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		} else {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		}
	})
}
