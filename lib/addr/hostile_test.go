package addr

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
)

// hostileDNS answers every question over TCP: for _dnsaddr.root.test with root, else with other. The
// messages are made before, so that the memory of the server does not count.
func hostileDNS(t *testing.T, root, other []string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); u.Close() })
	messages := map[bool][]byte{true: message(t, "_dnsaddr.root.test.", root), false: message(t, "_dnsaddr.a0000.test.", other)}
	// The question is that of the client, the rest the prepared answer; names of one kind are of one length.
	head := func(msg []byte) (h, rest []byte) {
		end := 12
		for msg[end] != 0 {
			end += int(msg[end]) + 1
		}
		end += 5
		m := messages[bytes.Contains(msg, []byte("\x04root\x04test"))]
		h = append(append([]byte{}, msg[:2]...), m[2:12]...)
		if end > 12+25 || end < 12+19 { // the apex: no records
			h[6], h[7] = 0, 0
			return append(h, msg[12:end]...), nil
		}
		return append(h, msg[12:end]...), m[end:]
	}
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			h, _ := head(buf[:n])
			h[2], h[6], h[7] = h[2]|2, 0, 0
			_, _ = u.WriteTo(h, from)
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 512)
				n, err := c.Read(buf)
				if err != nil || n < 20 {
					return
				}
				h, rest := head(buf[2:n])
				_, _ = c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(h)+len(rest))))
				_, _ = c.Write(h)
				_, _ = c.Write(rest)
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func message(t *testing.T, name string, texts []string) []byte {
	t.Helper()
	n := dnsmessage.MustNewName(name)
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{Response: true, RecursionAvailable: true})
	b.EnableCompression()
	_ = b.StartQuestions()
	_ = b.Question(dnsmessage.Question{Name: n, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET})
	_ = b.StartAnswers()
	left := 65000
	for _, txt := range texts {
		if left -= len(txt) + len(txt)/255 + 13; left < 0 {
			break
		}
		put(&b, n, txt)
	}
	out, err := b.Finish()
	if err != nil || len(out) > 65535 {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	return out
}

func put(b *dnsmessage.Builder, name dnsmessage.Name, txt string) {
	_ = b.TXTResource(dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1}, dnsmessage.TXTResource{TXT: chunks(txt)})
}

func chunks(s string) []string {
	var all []string
	for len(s) > 255 {
		all, s = append(all, s[:255]), s[255:]
	}
	return append(all, s)
}

// A zone that leads to as many names as may be asked for, each with as much as a DNS message holds,
// costs neither more than 64 MiB nor more than a few seconds.
func TestHostileZone(t *testing.T) {
	for name, fill := range map[string]func(i int) string{
		"long addresses":     func(int) string { return "dnsaddr=" + strings.Repeat("/tls", 250) },
		"longer addresses":   func(int) string { return "dnsaddr=/ip4/1.2.3.4/tcp/1" + strings.Repeat("/ws", 10000) },
		"many addresses":     func(i int) string { return fmt.Sprintf("dnsaddr=/ip4/1.2.3.4/tcp/%d", i+1) },
		"many ids":           func(int) string { return "dnsaddr=/p2p/12D3KooWGRUaq6XUFVSzMkWZAYGDEmyB2yTrWJvnwAsvg9aVjwWT" },
		"bad addresses":      func(i int) string { return fmt.Sprintf("dnsaddr=/ip4/1.2.3.4/tcp/%d", i+70000) },
		"long bad addresses": func(int) string { return "dnsaddr=/dns4/" + strings.Repeat("x", 30000) },
		"other records":      func(int) string { return "v=spf1" },
	} {
		t.Run(name, func(t *testing.T) {
			var root, other []string
			for i := range 6000 {
				root, other = append(root, fmt.Sprintf("dnsaddr=/dnsaddr/a%04d.test", i)), append(other, fill(i))
			}
			server := hostileDNS(t, root, other)
			r := &Resolver{Servers: []netip.AddrPort{server}}
			m, _ := ma.NewMultiaddr("/dnsaddr/root.test")
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			peak, stop, done := uint64(0), make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-stop:
						return
					case <-tick.C:
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapAlloc)
					}
				}
			}()
			begin := time.Now()
			res, _ := r.Resolve(context.Background(), m)
			took := time.Since(begin)
			close(stop)
			<-done
			runtime.GC()
			runtime.ReadMemStats(&after)
			b, _ := json.Marshal(res)
			if peak > before.HeapAlloc+64<<20 || took > 4*time.Second || len(b) > 1<<20 {
				t.Error("that is too much")
			}
			t.Logf("%.2f s, peak +%d MiB, kept +%d MiB, %d leaves, JSON %d KiB", took.Seconds(), (int64(peak)-int64(before.HeapAlloc))>>20, (int64(after.HeapAlloc)-int64(before.HeapAlloc))>>20, len(res.Leaves), len(b)>>10)
			runtime.KeepAlive(res)
		})
	}
}
