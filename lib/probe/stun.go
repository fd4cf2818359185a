package probe

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
)

// heard is one thing that came to the second socket of a WebRTC walk.
type heard struct {
	err   error
	stun  string // our address as the remote sees it
	other string // the service that answered the version negotiation ping
}

// ears listens on a socket until it is closed.
type ears struct {
	u     *wire
	heard chan heard
	over  chan struct{}
	quit  chan struct{}
}

func (u *wire) listen(p vnPing) *ears {
	e := &ears{u: u, heard: make(chan heard), over: make(chan struct{}), quit: make(chan struct{})}
	go e.run(p)
	return e
}

func (e *ears) run(p vnPing) {
	defer close(e.over)
	b := make([]byte, 2048)
	for {
		n, _, err := e.u.ReadFrom(b)
		h := heard{err: err}
		switch {
		case err != nil && udpCode(err) == "": // our own closing
			return
		case err != nil:
		case p.versions(b[:n]) != nil:
			h.other = "quic"
		default:
			if h.stun = stunAnswer(b[:n]); h.stun == "" {
				h.other = orUnknown(datagramService(b[:n], p))
			}
		}
		select {
		case e.heard <- h:
		case <-e.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

func (e *ears) close() {
	close(e.quit)
	_ = e.u.Close()
	<-e.over
}

// ask sends one binding as an ICE agent of libp2p would begin with (libp2p specs, webrtc-direct, version 1):
// a listener has nothing but the USERNAME to know the password from.
func (u *wire) ask() {
	name := iceName()
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(name+":"+name), stun.NewShortTermIntegrity(name), stun.Fingerprint)
	if err == nil {
		_, _ = u.write(m.Raw)
	}
}

func iceName() string {
	var r [16]byte
	_, _ = rand.Read(r[:])
	return fmt.Sprintf("libp2p+webrtc+v1/%x", r)
}

// stunAnswer reads a binding success; "" if b is none.
func stunAnswer(b []byte) string {
	m := &stun.Message{Raw: b}
	if !stun.IsMessage(b) || m.Decode() != nil || m.Type != stun.BindingSuccess {
		return ""
	}
	var at stun.XORMappedAddress
	if at.GetFrom(m) != nil {
		return "unknown"
	}
	return at.String()
}

// learnCert connects once more, takes whatever certificate the DTLS server has, and returns it, DER.
func (w *walk) learnCert(ctx context.Context) ([]byte, error) {
	if err := w.guard(w.spot.ip); err != nil {
		return nil, err
	}
	name := iceName()
	var se webrtc.SettingEngine
	se.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	se.SetICECredentials(name, name)
	se.SetIncludeLoopbackCandidate(true)
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	se.DisableCertificateFingerprintVerification(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = pc.Close() }()
	up := make(chan bool, 8)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			up <- true
		case webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed:
			select {
			case up <- false:
			default:
			}
		}
	})
	if err := w.offer(pc, name); err != nil {
		return nil, err
	}
	select {
	case ok := <-up:
		if cert := pc.SCTP().Transport().GetRemoteCertificate(); ok && len(cert) > 0 {
			return cert, nil
		}
		return nil, errNoCert
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// offer pretends an answer of the listener, who sends none.
func (w *walk) offer(pc *webrtc.PeerConnection, name string) error {
	negotiated, id := true, uint16(0)
	if _, err := pc.CreateDataChannel("", &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id}); err != nil {
		return err
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return err
	}
	family := "IP4"
	if w.spot.ip.Is6() {
		family = "IP6"
	}
	ip := w.spot.ip.WithZone("").String()
	lines := []string{
		"v=0", fmt.Sprintf("o=- 0 0 IN %s %s", family, ip), "s=-", "t=0 0", "a=ice-lite",
		fmt.Sprintf("m=application %d UDP/DTLS/SCTP webrtc-datachannel", w.spot.port), fmt.Sprintf("c=IN %s %s", family, ip),
		"a=mid:0", "a=ice-options:ice2", "a=ice-ufrag:" + name, "a=ice-pwd:" + name,
		"a=fingerprint:sha-256 " + strings.Repeat("00:", 31) + "00", "a=setup:passive", "a=sctp-port:5000", "a=max-message-size:16384",
		fmt.Sprintf("a=candidate:1 1 UDP 1 %s %d typ host", ip, w.spot.port), "a=end-of-candidates", "",
	}
	return pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: strings.Join(lines, "\r\n")})
}
