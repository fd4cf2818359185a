package fail

import "sort"

// Kind is the class of a cause; its number is the exit status of the process.
type Kind int

// The kinds, which are the whole list of exit statuses.
const (
	KindOK          Kind = 0
	KindFailed      Kind = 1
	KindUsage       Kind = 2
	KindNotFound    Kind = 3
	KindUnreachable Kind = 4
	KindUntrusted   Kind = 5
	KindUnsupported Kind = 6
	KindRefused     Kind = 7
	KindPartial     Kind = 8
	KindTimeout     Kind = 124
	KindInterrupted Kind = 130
)

// Status is one row of the table of exit statuses.
type Status struct {
	Exit int    `json:"exit"`
	Kind string `json:"kind"`
	When string `json:"when"`
}

// Statuses returns the table of exit statuses in order; `p2p help exit-status` and the README print it.
func Statuses() []Status {
	return []Status{
		{0, "ok", "done, healthy, found; a server stopped on request"},
		{1, "failed", "anything unclassified, and this machine's own trouble (port in use, disk full)"},
		{2, "usage", "the call is wrong: flag, argument, multiaddr, configuration; nothing was tried"},
		{3, "not_found", "asked and answered: there is none"},
		{4, "unreachable", "DNS, refused, no route, no answer from any address"},
		{5, "untrusted", "authenticity: wrong peer id, bad certificate, swarm key, signature"},
		{6, "unsupported", "no common security or muxer, wanted protocol not spoken"},
		{7, "refused", "the other side said no: ACL, reservation refused, limit, 401/403/429"},
		{8, "partial", "several targets: some good, some not; or a result cut by a limit"},
		{124, "timeout", "--timeout or --deadline passed first"},
		{130, "interrupted", "Ctrl-C of a one-shot command"},
	}
}

// String returns the kind's name, as the table of exit statuses has it.
func (k Kind) String() string {
	for _, s := range Statuses() {
		if s.Exit == int(k) {
			return s.Kind
		}
	}
	return "failed"
}

// kinds gives each code its exit status. A code with KindOK is a warning only.
var kinds = map[Code]Kind{
	Usage: KindUsage, UsageFlag: KindUsage, UsageArgument: KindUsage, UsageCommand: KindUsage,
	FileMissing: KindUsage, FileUnreadable: KindUsage, FileExists: KindUsage, FileTooLarge: KindUsage, FileUnwritable: KindFailed,
	KeyMalformed: KindUsage, KeyType: KindUsage, KeySize: KindUsage, KeyNoPrivate: KindUsage, KeySeed: KindUsage,
	KeyNoPublic: KindUsage, KeyEncrypted: KindUsage, KeyMismatch: KindUntrusted, KeySignature: KindUntrusted,
	SwarmKeyMalformed: KindUsage,
	FileExposed:       KindOK, KeyNotForJS: KindOK, SwarmKeyWeak: KindOK, SwarmKeyGoOnly: KindOK,
	ListenInUse: KindFailed, ListenDenied: KindFailed, ListenFailed: KindFailed,

	AddrEmpty: KindUsage, AddrSyntax: KindUsage, AddrUnknownProtocol: KindUsage, AddrObsolete: KindUsage, AddrBadValue: KindUsage,
	AddrBadPeerID: KindUsage, AddrMissingPeerID: KindUsage, AddrNoTransport: KindUsage, AddrMissingCerthash: KindUsage,
	AddrUndialable: KindUsage, AddrNeedsRouting: KindUsage,
	AddrPrivate: KindOK, AddrLoopback: KindOK, AddrDuplicatePeerID: KindOK, AddrOldSpelling: KindOK, AddrWebRTCViaRelay: KindOK,

	DNSNXDomain: KindUnreachable, DNSServfail: KindUnreachable, DNSRefused: KindUnreachable, DNSTimeout: KindUnreachable,
	DNSNoData: KindUnreachable, DNSWrongFamily: KindUnreachable, DNSNoDnsaddr: KindUnreachable, DNSDnsaddrOtherPeer: KindUnreachable,
	DNSDnsaddrMalformed: KindUnreachable, DNSDnsaddrLoop: KindUnreachable, DNSMalformed: KindUnreachable, DNSNoServer: KindUnreachable,
	DNSPrivateAnswer: KindOK, DNSDisagreement: KindOK,

	DialRefused: KindUnreachable, DialTimeout: KindUnreachable, DialNoRoute: KindUnreachable, DialHostUnreachable: KindUnreachable,
	DialClosed: KindUnreachable, DialSilent: KindUnreachable, DialWrongService: KindUnreachable, DialMTU: KindUnreachable,
	DialSelf: KindUsage, DialForbidden: KindUsage,
	QUICNotQUIC: KindUnreachable, QUICVersion: KindUnsupported, QUICALPN: KindUnsupported,

	TLSExpired: KindUntrusted, TLSNotYetValid: KindUntrusted, TLSWrongHost: KindUntrusted, TLSNoIPSAN: KindUntrusted,
	TLSSelfSigned: KindUntrusted, TLSUnknownAuthority: KindUntrusted, TLSIncompleteChain: KindUntrusted, TLSNotTLS: KindUnreachable,
	TLSVersion: KindUntrusted, TLSClientCert: KindUntrusted, TLSAlert: KindUntrusted, TLSTimeout: KindUnreachable, TLSMalformed: KindUnreachable,
	TLSExpiresSoon: KindOK, ClockSkew: KindOK,

	WSStatus: KindUnreachable, WSProxyNoUpgrade: KindUnreachable, WSBadGateway: KindUnreachable, WSRedirect: KindUnreachable,
	WSTLSPort: KindUnreachable, WSRawLibp2p: KindUnreachable, WSTimeout: KindUnreachable, WSClosed: KindUnreachable,
	WSOtherApplication: KindUnreachable, WSMalformed: KindUnreachable,

	PnetRequired: KindUntrusted, PnetNotPrivate: KindUntrusted, PnetMismatch: KindUntrusted, PnetTransport: KindUsage,
	SecurityPeerIDMismatch: KindUntrusted, SecurityNoCommon: KindUnsupported, SecurityFailed: KindUntrusted, SecurityTimeout: KindUnreachable,
	MuxerNoCommon: KindUnsupported, MuxerFailed: KindUnreachable,
	WebTransportCerthash: KindUntrusted, WebTransportRefused: KindRefused, WebRTCCerthash: KindUntrusted, WebRTCNoListener: KindUnreachable,
	ConnClosed: KindRefused, ConnResourceLimit: KindRefused,
	IdentifyFailed: KindUnreachable, ProtocolUnsupported: KindUnsupported,

	RelayUnreachable: KindUnreachable, RelayBadAddress: KindUsage, RelayNotARelay: KindUnsupported, RelayV1Only: KindUnsupported,
	RelayNoReservation: KindUnreachable, RelayFailed: KindUnreachable, RelayDenied: KindRefused, RelayFull: KindRefused,
	RelayTargetUnreachable: KindUnreachable, RelayLimited: KindOK, RelayLimitReached: KindPartial,

	ServeForbidden: KindRefused, ServeRateLimited: KindRefused,
	NotFound: KindNotFound, Timeout: KindTimeout, Interrupted: KindInterrupted, Partial: KindPartial, Internal: KindFailed,
}

// Kind returns the class of the code; an unknown code is KindFailed.
func (c Code) Kind() Kind {
	if k, ok := kinds[c]; ok {
		return k
	}
	return KindFailed
}

// Known tells whether c is one of the closed list.
func (c Code) Known() bool {
	_, ok := kinds[c]
	return ok
}

// Codes returns every code, sorted.
func Codes() []Code {
	all := make([]Code, 0, len(kinds))
	for c := range kinds {
		all = append(all, c)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all
}
