package probe

import (
	"bytes"
	"crypto/rand"
	"testing"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/record"
	circuitpb "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	pb "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"
)

// wholeIdentify is what a healthy remote says, with a signed record.
func wholeIdentify(f *testing.F) []byte {
	f.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	addr := ma.StringCast("/ip4/192.0.2.1/tcp/4001")
	env, err := record.Seal(&peer.PeerRecord{PeerID: id, Seq: 1, Addrs: []ma.Multiaddr{addr}}, key)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := env.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	b, err := proto.Marshal(&pb.Identify{
		AgentVersion: proto.String("kubo/0.42.0"), ProtocolVersion: proto.String("ipfs/0.1.0"), Protocols: []string{identifyID, pingID},
		ListenAddrs: [][]byte{addr.Bytes()}, ObservedAddr: addr.Bytes(), SignedPeerRecord: signed,
	})
	if err != nil {
		f.Fatal(err)
	}
	return append(uvarint(len(b)), b...)
}

func FuzzIdentify(f *testing.F) {
	whole := wholeIdentify(f)
	for _, seed := range [][]byte{
		whole, append(bytes.Clone(whole), whole...), whole[:len(whole)/2], {}, {0}, {0, 0}, {0xff, 0xff, 0xff, 0xff, 0xff},
		{4, 0x1a, 2, 0xff, 0xfe}, {3, 0x32, 1, 0x1b}, append([]byte{0x80, 2}, bytes.Repeat([]byte{0x1a, 0}, 128)...),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := readParts(bytes.NewReader(b))
		if err != nil {
			return
		}
		id := (&walk{}).tidy(m)
		if len(id.Protocols) > maxProtocols || len(id.ListenAddrs) > maxListenAddrs || id.ProtocolsTotal < len(id.Protocols) {
			t.Errorf("%d protocols of %d, %d addresses", len(id.Protocols), id.ProtocolsTotal, len(id.ListenAddrs))
		}
		for _, s := range append([]string{id.Agent, id.ProtocolVersion}, id.Protocols...) {
			if len(s) > 3*maxAgent || !utf8.ValidString(s) {
				t.Errorf("%q is not bounded text", s)
			}
		}
		if id.SignedRecord != nil && id.SignedRecord.Valid {
			t.Error("a record is valid for a remote without an id")
		}
	})
}

// stream is a remote that says b, whatever it is told.
type stream struct{ *bytes.Reader }

func (stream) Write(p []byte) (int, error) { return len(p), nil }

func FuzzMultistream(f *testing.F) {
	for _, seed := range [][]byte{
		msFrame(msHeader, "/noise"), msFrame(msHeader, msNA, "/noise"), msFrame(msHeader, msNA, msNA), msFrame(msHeader, ""), {}, {0}, {1, '\n'}, {1, 'x'},
		{0x80, 0x80, 0x80, 0x80, 1}, {0xff, 7}, []byte("SSH-2.0-x\r\n"), append(msFrame(msHeader), append([]byte{16}, append(msFrame("/noise", "/tls"), 1)...)...),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		chosen, err := msSelect(stream{bytes.NewReader(b)}, "/tls/1.0.0", "/noise")
		if chosen != "" && chosen != "/noise" && chosen != "/tls/1.0.0" || chosen != "" && err != nil {
			t.Errorf("%q was chosen, %v", chosen, err)
		}
		r := bytes.NewReader(b)
		if line, err := msRead(r); err == nil {
			if again := msFrame(line); len(line) >= maxMSLine || len(b)-r.Len() < len(again) || len(b)-r.Len() > len(again)+3 {
				t.Errorf("%q took %d bytes", line, len(b)-r.Len())
			}
		}
		if list := msList(stream{bytes.NewReader(b)}); len(list) > maxProtocols {
			t.Errorf("%d protocols", len(list))
		}
	})
}

func FuzzHopAnswer(f *testing.F) {
	whole, err := proto.Marshal(&circuitpb.HopMessage{
		Type: circuitpb.HopMessage_STATUS.Enum(), Status: circuitpb.Status_OK.Enum(), Limit: &circuitpb.Limit{Duration: proto.Uint32(120), Data: proto.Uint64(1 << 17)},
	})
	if err != nil {
		f.Fatal(err)
	}
	whole = append(uvarint(len(whole)), whole...)
	for _, seed := range [][]byte{whole, append(bytes.Clone(whole), "behind"...), whole[:3], {}, {0}, {0xff, 0x7f}, {0x80, 0x80, 0x80, 0x80}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		m, err := readHop(r)
		if err != nil {
			return
		}
		if n, _ := readUvarint(bytes.NewReader(b)); n > maxHopAnswer || m.Status == nil || b[len(b)-r.Len()-int(n)-1] >= 0x80 {
			t.Errorf("%v: what follows the answer was read too, or it is too long", m)
		}
	})
}
