package lab

import (
	"strings"
	"testing"
)

func repeat(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

// A default host admits 16 connections from one IP, then one every 5 s, eight at a time.
func TestPace(t *testing.T) {
	inside(t)
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		n    int
	}{
		{"as it is", nil, 11},
		{"just within the host's limits", []string{"--pace", "8/2s"}, 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := startNode(t, "/ip4/"+farIP+"/tcp/0")[0]
			status, lines := probe(t, append(c.args, repeat(addr, c.n)...)...)
			if status != 0 || len(lines) != c.n {
				t.Errorf("exit status %d, %d lines", status, len(lines))
			}
		})
	}
}

// Without the pace the refusals are there, and the report says whose dials they may be due to.
func TestNoPace(t *testing.T) {
	inside(t)
	node := startNode(t, "/ip4/"+farIP+"/tcp/0", "/ip4/"+farIP+"/tcp/0/ws", "/ip4/"+farIP+"/udp/0/quic-v1")
	var targets []string
	for _, a := range node {
		targets = append(targets, repeat(a, 40)...)
	}
	status, lines := probe(t, append([]string{"--pace", "none", "--jobs", "40"}, targets...)...)
	if status != 8 {
		t.Errorf("exit status %d", status)
	}
	good, owned := 0, map[string]int{}
	for _, r := range lines {
		switch {
		case r.OK:
			good++
		case r.Error.Code == "dial.wrong_service" || r.Error.Code == "dial.silent":
			t.Errorf("a refusal is taken for %s: %s", r.Error.Code, r.Error.Message)
		default:
			n, _ := r.Error.Detail["own_dials"].(float64)
			if n < 2 || n > 8 && !strings.Contains(r.Error.Hint, "this prober opened") {
				t.Errorf("%s without own_dials: %s (%s), hint %s, %v", r.Error.Code, r.Error.Message, r.Error.Cause, r.Error.Hint, r.Error.Detail)
			}
			owned[r.Error.Code]++
		}
	}
	t.Logf("%d good, refused as %v", good, owned)
	if good < 1 || len(owned) == 0 {
		t.Errorf("%d good of %d, refused as %v", good, len(lines), owned)
	}
}

// Diagnostic dials count: seven wrong targets and a good one stay below the host's limits together.
func TestPaceOfDiagnosis(t *testing.T) {
	inside(t)
	t.Parallel()
	var good, wrong string
	start := func() {
		for _, a := range startNode(t, "/ip4/"+farIP+"/tcp/0", "/ip4/"+farIP+"/tcp/0/ws") {
			if strings.Contains(a, "/ws/") {
				wrong = strings.Replace(a, "/ws/", "/", 1)
			} else {
				good = a
			}
		}
	}
	start()
	_, lines := probe(t, wrong)
	if e := lines[0].Error; e == nil || e.Code != "dial.wrong_service" || e.Detail["repaired"] == nil {
		t.Errorf("alone: %+v", e)
	}
	start()
	_, lines = probe(t, append(repeat(wrong, 7), good)...)
	for _, r := range lines {
		if r.Target == good && !r.OK {
			t.Errorf("behind the diagnosis of others: %+v", r.Error)
		}
		if r.Target == wrong && r.Error.Code != "dial.wrong_service" {
			t.Errorf("%+v", r.Error)
		}
	}
}
