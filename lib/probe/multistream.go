package probe

import (
	"errors"
	"fmt"
	"io"
)

// The multistream-select header and its answers (libp2p specs, connections/multistream).
const (
	msHeader  = "/multistream/1.0.0"
	msNA      = "na"
	maxMSLine = 1024 // bytes of one message; protocol ids are far shorter
)

// msFrame returns the length-prefixed form of a message.
func msFrame(messages ...string) []byte {
	var b []byte
	for _, m := range messages {
		b = append(b, uvarint(len(m)+1)...)
		b = append(append(b, m...), '\n')
	}
	return b
}

// errMultistream marks an answer that is no multistream-select message.
var errMultistream = errors.New("not a multistream-select message")

// msRead reads one message byte-exactly, because what follows belongs to the chosen protocol.
func msRead(r io.Reader) (string, error) {
	n, err := readUvarint(r)
	if err != nil {
		return "", err
	}
	if n == 0 || n > maxMSLine {
		return "", fmt.Errorf("%w: a length of %d", errMultistream, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	if b[n-1] != '\n' {
		return "", fmt.Errorf("%w: no line end", errMultistream)
	}
	return string(b[:n-1]), nil
}

func readUvarint(r io.Reader) (uint64, error) {
	var b [1]byte
	var n uint64
	for shift := 0; shift < 28; shift += 7 {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, err
		}
		n |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: an endless length", errMultistream)
}

// msOpen exchanges headers and proposes the first protocol in the same flight.
func msOpen(rw io.ReadWriter, proposal string) error {
	if _, err := rw.Write(msFrame(msHeader, proposal)); err != nil {
		return err
	}
	return msExpectHeader(rw)
}

// msExpectHeader reads the remote's header; the first byte that differs ends it, because what
// another service sends may be shorter than a header.
func msExpectHeader(r io.Reader) error {
	var b [1]byte
	for i, want := range msFrame(msHeader) {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return err
		}
		if b[0] != want {
			return fmt.Errorf("%w: byte %d of its header is 0x%02x", errMultistream, i, b[0])
		}
	}
	return nil
}

// msChoose reads the answer to the proposal already sent, then proposes the others one by one.
// It returns the accepted one, or "" when the remote declined them all.
func msChoose(rw io.ReadWriter, proposals []string) (string, error) {
	for i, p := range proposals {
		if i > 0 {
			if _, err := rw.Write(msFrame(p)); err != nil {
				return "", err
			}
		}
		got, err := msRead(rw)
		if err != nil {
			return "", err
		}
		switch got {
		case p:
			return p, nil
		case msNA:
		default:
			return "", fmt.Errorf("%w: %q answered with %q", errMultistream, p, got)
		}
	}
	return "", nil
}

// msPropose proposes one protocol after the other in a negotiation that goes on.
func msPropose(rw io.ReadWriter, proposals []string) (string, error) {
	if _, err := rw.Write(msFrame(proposals[0])); err != nil {
		return "", err
	}
	return msChoose(rw, proposals)
}

// msSelect runs a whole negotiation on a fresh stream.
func msSelect(rw io.ReadWriter, proposals ...string) (string, error) {
	if err := msOpen(rw, proposals[0]); err != nil {
		return "", err
	}
	return msChoose(rw, proposals)
}

// msList asks for the remote's protocols with "ls"; js and rust answer it, go says na.
func msList(rw io.ReadWriter) []string {
	if _, err := rw.Write(msFrame("ls")); err != nil {
		return nil
	}
	first, err := msReadRaw(rw)
	if err != nil || string(first) == msNA+"\n" {
		return nil
	}
	return parseList(first)
}

func msReadRaw(r io.Reader) ([]byte, error) {
	n, err := readUvarint(r)
	if err != nil || n == 0 || n > 64*maxMSLine {
		return nil, errMultistream
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}

// parseList reads the length-prefixed lines inside an answer to "ls".
func parseList(b []byte) []string {
	var list []string
	for len(b) > 0 && len(list) < maxProtocols {
		n, w := 0, 0
		for w < len(b) && w < 3 {
			n |= int(b[w]&0x7f) << (7 * w)
			w++
			if b[w-1] < 0x80 {
				break
			}
		}
		if n < 1 || w+n > len(b) {
			break
		}
		if s := string(b[w : w+n-1]); b[w+n-1] == '\n' && s != "" {
			list = append(list, s)
		}
		b = b[w+n:]
	}
	return list
}
