// Package lab is a network of namespaces that only the tests in it see: this machine's own network is
// never touched. TestMain starts the test binary again behind unshare; as the lab's addresses are not
// loopback, limits, routers and firewalls act here as they do on the internet.
package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libp2p/go-libp2p"

	"p2p/commands"
	"p2p/lib/cmd"
	"p2p/lib/probe/faulttest"
)

// The lab: near (where p2p runs) — router — far. Addresses of 11.0.0.0/8 count as public.
const (
	nearIP   = "11.0.1.2"
	routerIP = "11.0.1.1"
	farIP    = "11.0.0.10"
	nearIP6  = "2a00:1::2"
	farIP6   = "2a00::10"
)

const roleEnv = "P2P_LAB_ROLE"

var problem string // why there is no lab

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "node":
		node()
		return
	case "inside":
		if err := build(); err != nil {
			fmt.Fprintln(os.Stderr, "the lab cannot be built:", err)
			os.Exit(1)
		}
		flag.Parse()
		_ = flag.Set("test.parallel", "32") // these tests wait, they do not compute
	default:
		if problem = missing(); problem == "" {
			os.Exit(again())
		}
	}
	os.Exit(m.Run())
}

// missing says what the machine lacks for a lab.
func missing() string {
	if os.Geteuid() != 0 {
		return "network namespaces need root"
	}
	for _, tool := range []string{"unshare", "ip", "nft", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			return tool + " is not installed"
		}
	}
	if out, err := exec.Command("unshare", "-m", "-n", "--fork", "--pid", "--mount-proc", "nft", "list", "ruleset").CombinedOutput(); err != nil {
		return fmt.Sprintf("unshare is refused: %v %s", err, out)
	}
	return ""
}

// again runs this binary in namespaces of its own and returns its exit status.
func again() int {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	c := exec.Command("unshare", append([]string{"-m", "-n", "--fork", "--pid", "--kill-child", "--mount-proc", self}, os.Args[1:]...)...)
	c.Env = append(os.Environ(), roleEnv+"=inside")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the signal comes when the thread that started the child ends
	if err := c.Run(); err != nil && c.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "start the lab:", err)
		return 1
	}
	return c.ProcessState.ExitCode()
}

// build makes the topology; it ends with the process. The router answers by nft, because routes of the
// kinds unreachable and prohibit answer five times and then once a second.
func build() error {
	for _, line := range strings.Split(strings.TrimSpace(`
mount -t tmpfs tmpfs /run
mkdir /run/netns
ip link set lo up
ip netns add router
ip netns add far
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip netns exec router sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip netns exec far sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link add near type veth peer name lan netns router
ip -n router link add wan type veth peer name far netns far
ip addr add `+nearIP+`/24 dev near
ip -6 addr add `+nearIP6+`/64 dev near nodad
ip link set near up
ip -n router addr add `+routerIP+`/24 dev lan
ip -n router -6 addr add 2a00:1::1/64 dev lan nodad
ip -n router addr add 11.0.0.1/24 dev wan
ip -n router -6 addr add 2a00::1/64 dev wan nodad
ip -n router link set lo up
ip -n router link set lan up
ip -n router link set wan up
ip netns exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
ip -n far addr add `+farIP+`/24 dev far
ip -n far -6 addr add `+farIP6+`/64 dev far nodad
ip -n far link set lo up
ip -n far link set far up
ip -n far route add default via 11.0.0.1
ip -n far -6 route add default via 2a00::1
ip route add 11.0.0.0/16 via `+routerIP+`
ip -6 route add 2a00::/32 via 2a00:1::1
ip -n router route add blackhole 11.0.20.0/24
ip -n router route add 11.0.20.0/22 via `+farIP+`
ip netns exec router nft add table ip answers
ip netns exec router nft add chain ip answers out { type filter hook forward priority -10; }
ip netns exec router nft add rule ip answers out ip daddr 11.0.21.0/24 reject with icmp type host-unreachable
ip netns exec router nft add rule ip answers out ip daddr 11.0.22.0/24 reject with icmp type admin-prohibited
ip netns exec router nft add rule ip answers out ip daddr 11.0.23.0/24 reject with icmp type net-unreachable
ip route add unreachable 11.0.30.0/24
ip route add prohibit 11.0.31.0/24
`), "\n") {
		if err := try(line); err != nil {
			return err
		}
	}
	return nil
}

func try(line string) error {
	f := strings.Fields(line)
	if out, err := exec.Command(f[0], f[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}

// inside skips the test where there is no lab, or fails where all parts are required.
func inside(t *testing.T) {
	t.Helper()
	if problem == "" {
		return
	}
	if os.Getenv("P2P_REQUIRE") == "1" {
		t.Fatal(problem)
	}
	t.Skip(problem)
}

// sh runs a command line in the lab.
func sh(t *testing.T, line string, args ...any) {
	t.Helper()
	if err := try(fmt.Sprintf(line, args...)); err != nil {
		t.Fatal(err)
	}
}

var tables atomic.Int64

// rules makes the router filter what it forwards, until the test ends.
func rules(t *testing.T, forward string) {
	t.Helper()
	table := fmt.Sprintf("inet lab%d", tables.Add(1))
	c := exec.Command("ip", "netns", "exec", "router", "nft", "-f", "-")
	c.Stdin = strings.NewReader("table " + table + " { chain forwarding { type filter hook forward priority 0;\n" + forward + "\n}\n}\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v %s", err, out)
	}
	t.Cleanup(func() { sh(t, "ip netns exec router nft delete table %s", table) })
}

// node is the role of a child process: a default go-libp2p host on the addresses of its arguments.
func node() {
	h, err := libp2p.New(libp2p.ListenAddrStrings(strings.Split(os.Getenv("P2P_LAB_LISTEN"), ",")...))
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
	var addrs []string
	for _, a := range h.Addrs() {
		addrs = append(addrs, faulttest.WithID(a.String(), h.ID()))
	}
	_ = json.NewEncoder(os.Stdout).Encode(addrs)
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the test closes it
	_ = h.Close()
}

// startNode runs a default host in the namespace far and returns its addresses.
func startNode(t *testing.T, listen ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("ip", "netns", "exec", "far", self)
	c.Env = append(os.Environ(), roleEnv+"=node", "P2P_LAB_LISTEN="+strings.Join(listen, ","))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var addrs []string
	if err != nil || json.Unmarshal(line, &addrs) != nil || len(addrs) == 0 {
		t.Fatalf("the node says %q: %v", line, err)
	}
	return addrs
}

// listenIn opens a TCP listener in another namespace.
func listenIn(t *testing.T, ns, addr string) net.Listener {
	t.Helper()
	type result struct {
		l   net.Listener
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine and takes the namespace with it
		f, err := os.Open("/run/netns/" + ns)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		var l net.Listener
		if err == nil {
			l, err = net.Listen("tcp", addr)
		}
		made <- result{l, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.l
}

// serveFar serves TCP connections in the namespace far and returns the port.
func serveFar(t *testing.T, handle func(net.Conn)) int {
	t.Helper()
	l := listenIn(t, "far", ":0")
	faulttest.Serve(t, l, handle)
	return l.Addr().(*net.TCPAddr).Port
}

// The parts of a report that the tests look at.
type (
	problemOf struct {
		Code, Stage, Message, Hint, Cause string
		Detail                            map[string]any
	}
	report struct {
		Target    string
		OK        bool
		TookMS    float64 `json:"took_ms"`
		Error     *problemOf
		Warnings  []problemOf
		Addresses []struct {
			Addr  string
			OK    bool
			Error *problemOf
		}
	}
)

// probe runs p2p probe and returns its exit status and its reports.
func probe(t *testing.T, args ...string) (int, []report) {
	t.Helper()
	var out, errs bytes.Buffer
	begin := time.Now()
	status := cmd.Main(commands.All(), append([]string{"probe", "--json"}, args...), strings.NewReader(""), &out, &errs)
	t.Logf("%d in %s: p2p probe %.300s\n%.6000s%.2000s", status, time.Since(begin).Round(time.Millisecond), strings.Join(args, " "), out.String(), errs.String())
	var all []report
	d := json.NewDecoder(&out)
	for d.More() {
		var line json.RawMessage
		var r report
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte(`{"type":"summary"`)) {
			continue
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return status, all
}

// linkLocal returns the router's fe80 address on the LAN.
func linkLocal(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("ip", "-n", "router", "-6", "-o", "addr", "show", "dev", "lan", "scope", "link").Output()
	f := strings.Fields(string(out))
	if err != nil || len(f) < 4 {
		t.Fatalf("no link-local address: %q %v", out, err)
	}
	return strings.Split(f[3], "/")[0]
}
