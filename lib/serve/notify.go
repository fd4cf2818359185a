package serve

import (
	"net"
	"os"
	"strconv"
	"time"
)

// supervisor is systemd's side of sd_notify(3); without it every call does nothing.
type supervisor struct {
	socket   string
	interval time.Duration // between signs of life, 0 for none
}

func newSupervisor(getenv func(string) string) *supervisor {
	s := &supervisor{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if s.socket != "" && err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		s.interval = time.Duration(usec) * time.Microsecond / 2
	}
	return s
}

// tell sends a state such as "READY=1". A supervisor that is gone is no reason to stop.
func (s *supervisor) tell(state string) {
	if s.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte(state))
}

// alive returns a ticker for signs of life; its channel is nil where nobody wants them.
func (s *supervisor) alive() (<-chan time.Time, func()) {
	if s.interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(s.interval)
	return t.C, t.Stop
}
