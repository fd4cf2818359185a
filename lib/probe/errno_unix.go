//go:build !windows

package probe

import (
	"errors"
	"syscall"

	"p2p/lib/fail"
)

// codeOfErrno classifies what the operating system says of a dial; "" when it says nothing known.
func codeOfErrno(err error) fail.Code {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail.DialRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT),
		errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EINVAL):
		return fail.DialNoRoute
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EHOSTDOWN), errors.Is(err, syscall.ENOPROTOOPT), errors.Is(err, syscall.EPROTO):
		return fail.DialHostUnreachable
	case errors.Is(err, syscall.ETIMEDOUT):
		return fail.DialTimeout
	case errors.Is(err, syscall.EMSGSIZE):
		return fail.DialMTU
	}
	return ""
}

func isReset(error) bool { return false }
