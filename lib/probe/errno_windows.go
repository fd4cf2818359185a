package probe

import (
	"errors"
	"syscall"

	"p2p/lib/fail"
)

// codeOfErrno classifies what Winsock says of a dial; "" when it says nothing known.
func codeOfErrno(err error) fail.Code {
	var n syscall.Errno
	if !errors.As(err, &n) {
		return ""
	}
	switch n {
	case 10061: // WSAECONNREFUSED
		return fail.DialRefused
	case 10051, 10049, 10047, 10050, 10013: // WSAENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, ENETDOWN, EACCES
		return fail.DialNoRoute
	case 10065, 10064: // WSAEHOSTUNREACH, WSAEHOSTDOWN
		return fail.DialHostUnreachable
	case 10060: // WSAETIMEDOUT
		return fail.DialTimeout
	case 10040: // WSAEMSGSIZE
		return fail.DialMTU
	}
	return ""
}

func isReset(err error) bool {
	var n syscall.Errno
	return errors.As(err, &n) && (n == 10054 || n == 10053) // WSAECONNRESET, WSAECONNABORTED
}
