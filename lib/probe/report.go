package probe

import (
	"time"

	"p2p/lib/fail"
)

// Report is what a probe of one target found; schema p2p.probe/1.
// It is good when one of its addresses is (Options.All: every one).
type Report struct {
	OK               bool          `json:"ok"`
	Target           string        `json:"target"`
	PeerID           string        `json:"peer_id,omitempty"`
	Verified         bool          `json:"verified"` // the target named the id that answered
	Time             time.Time     `json:"time"`
	TookMS           float64       `json:"took_ms"`
	Addresses        []*Address    `json:"addresses"`
	Identify         *Identify     `json:"identify,omitempty"`
	Ping             *Ping         `json:"ping,omitempty"`
	Roles            []string      `json:"roles"`
	MissingProtocols []string      `json:"missing_protocols"`
	Browser          *Browser      `json:"browser,omitempty"`
	Relay            *Relay        `json:"relay,omitempty"`
	Warnings         []*fail.Error `json:"warnings"`
	Error            *fail.Error   `json:"error,omitempty"`
}

// Address is the walk along one exact address.
type Address struct {
	Addr         string      `json:"addr"`
	ResolvedFrom string      `json:"resolved_from,omitempty"`
	Transport    string      `json:"transport,omitempty"`
	OK           bool        `json:"ok"`
	TookMS       float64     `json:"took_ms"`
	PeerID       string      `json:"peer_id,omitempty"` // who answered
	Security     string      `json:"security,omitempty"`
	Muxer        string      `json:"muxer,omitempty"`
	Stages       []*Stage    `json:"stages"`
	Offered      Offered     `json:"offered"`
	Error        *fail.Error `json:"error,omitempty"`
}

// Stage is one step of a walk with its time since the start of the probe, in milliseconds.
type Stage struct {
	Stage   string         `json:"stage"`
	OK      bool           `json:"ok"`
	StartMS float64        `json:"start_ms"`
	TookMS  float64        `json:"took_ms"`
	Detail  map[string]any `json:"detail,omitempty"`
}

func (s *Stage) set(key string, value any) {
	if s.Detail == nil {
		s.Detail = map[string]any{}
	}
	s.Detail[key] = value
}

// Offered is what the remote was seen to offer; complete only where a negotiation failed.
type Offered struct {
	Security []string `json:"security"`
	Muxers   []string `json:"muxers"`
	ALPN     []string `json:"alpn"`
}

// Identify is what the remote says of itself, bounded in size and count (libp2p specs, identify).
type Identify struct {
	Agent           string   `json:"agent"`
	ProtocolVersion string   `json:"protocol_version,omitempty"`
	Protocols       []string `json:"protocols"`
	ProtocolsTotal  int      `json:"protocols_total"`
	ListenAddrs     []string `json:"listen_addrs"`
	ObservedAddr    string   `json:"observed_addr,omitempty"`
	SignedRecord    *Record  `json:"signed_record,omitempty"`
}

// Record is the signed peer record of an identify message (RFC 0003 of the libp2p specs).
type Record struct {
	Valid bool     `json:"valid"`
	Seq   uint64   `json:"seq,omitempty"`
	Addrs []string `json:"addrs"`
	Why   string   `json:"why,omitempty"`
}

// Ping counts echoes on /ipfs/ping/1.0.0.
type Ping struct {
	Sent  int     `json:"sent"`
	Lost  int     `json:"lost"`
	MinMS float64 `json:"min_ms"`
	AvgMS float64 `json:"avg_ms"`
	MaxMS float64 `json:"max_ms"`
}

// Browser says whether a web page could dial the target.
type Browser struct {
	Dialable bool     `json:"dialable"`
	Addrs    []string `json:"addrs"`
	WhyNot   []string `json:"why_not"`
}

// Relay describes the circuit that a relayed address went through.
type Relay struct {
	PeerID        string  `json:"peer_id,omitempty"`
	Addr          string  `json:"addr"`
	Limited       bool    `json:"limited"`
	LimitDataByte uint64  `json:"limit_data_bytes,omitempty"`
	LimitMS       float64 `json:"limit_duration_ms,omitempty"`
}

// Failure makes a Report a finding: nil when the target is good.
func (r *Report) Failure() *fail.Error { return r.Error }

// ms returns d in milliseconds with three decimals.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
