package probe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"p2p/lib/fail"
)

func exposition(t *testing.T, r *Report, want ...string) string {
	t.Helper()
	families, err := Metrics(r, want).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	problems, err := promlint.New(bytes.NewReader(b.Bytes())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v\n%s", err, problems, b.String())
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	if _, err := parser.TextToMetricFamilies(bytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("%v\n%s", err, b.String())
	}
	return b.String()
}

func TestMetricsOfAGoodReport(t *testing.T) {
	text := exposition(t, &Report{
		OK: true, Verified: true, TookMS: 1500,
		Addresses: []*Address{{Addr: "/ip4/192.0.2.1/tcp/1", Transport: "wss", OK: true, Stages: []*Stage{
			{Stage: "relay", TookMS: 10}, {Stage: "relay", TookMS: 15},
			{Stage: "tls", TookMS: 20, Detail: map[string]any{"not_after": "2030-01-02T03:04:05Z"}},
		}}},
		Ping: &Ping{Sent: 3, Lost: 1, MinMS: 1, AvgMS: 2, MaxMS: 4}, Relay: &Relay{LimitDataByte: 131072},
		Warnings: []*fail.Error{fail.New(fail.TLSExpiresSoon, "x"), fail.New(fail.TLSExpiresSoon, "y")},
	}, "/a\"b\\c\nd")
	for _, line := range []string{
		"p2p_probe_success 1", "p2p_probe_verified 1", "p2p_probe_duration_seconds 1.5", "p2p_probe_addresses 1",
		`p2p_probe_address_success{addr="/ip4/192.0.2.1/tcp/1",transport="wss"} 1`,
		`p2p_probe_stage_duration_seconds{addr="/ip4/192.0.2.1/tcp/1",stage="relay"} 0.025`,
		`p2p_probe_tls_not_after_timestamp_seconds{addr="/ip4/192.0.2.1/tcp/1"} 1.893553445e+09`,
		`p2p_probe_ping_rtt_seconds{stat="avg"} 0.002`, "p2p_probe_pings_lost 1", "p2p_probe_relay_limit_bytes 131072",
		`p2p_probe_warning_info{code="tls.expires_soon"} 1`, `p2p_probe_protocol_spoken{protocol="/a\"b\\c\nd"} 1`,
		"# HELP p2p_probe_success Whether the target is good (1) or not (0).", "# TYPE p2p_probe_success gauge",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("lacks %s\n%s", line, text)
		}
	}
	if strings.Contains(text, "error_info") {
		t.Error("a good report has an error")
	}
}

func TestMetricsOfABadReport(t *testing.T) {
	bad := fail.New(fail.ProtocolUnsupported, "remote words").WithStage("protocol")
	r := &Report{Error: bad, MissingProtocols: []string{"/b"}, Addresses: []*Address{{Addr: "/x", Error: bad}}}
	text := exposition(t, r, "/a", "/b")
	for _, line := range []string{
		"p2p_probe_success 0", `p2p_probe_error_info{code="protocol.unsupported",stage="protocol"} 1`,
		`p2p_probe_address_error_info{addr="/x",code="protocol.unsupported",stage="protocol"} 1`,
		`p2p_probe_protocol_spoken{protocol="/a"} 1`, `p2p_probe_protocol_spoken{protocol="/b"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("lacks %s\n%s", line, text)
		}
	}
	if strings.Contains(text, "remote words") {
		t.Error("a label has words of the remote")
	}
	r.Error = fail.New(fail.DialRefused, "x").WithStage("connect")
	if text := exposition(t, r, "/a"); strings.Contains(text, "protocol_spoken") {
		t.Error("a protocol that nobody was asked for is said to be spoken or not")
	}
}
