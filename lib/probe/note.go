package probe

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"p2p/lib/addr"
	"p2p/lib/fail"
	"p2p/lib/out"
)

const maxNote = 64 // runes of what a row says of its stage

// note is what a row of the pictures says of a stage: its key fact, or the code that ended it.
// It is fit for a terminal: every remote string in it is cleaned.
func note(s Stage, code fail.Code) string {
	if code != "" {
		return string(code)
	}
	facts := s.facts()
	return strings.Join(facts, ", ")
}

func (s Stage) facts() []string {
	var facts []string
	say := func(format, key string) {
		if v, ok := s.Detail[key]; ok {
			facts = append(facts, fmt.Sprintf(format, out.Clean(fmt.Sprint(v), maxNote)))
		}
	}
	switch s.Stage {
	case "dns":
		if chain, ok := s.Detail["chain"].([]addr.Query); ok && len(chain) > 0 {
			facts = append(facts, count(len(chain), "question", "questions"), "asked "+out.Clean(chain[0].Server, 64))
		}
	case "connect":
		say("from %s", "local")
	case "tls":
		say("%s", "version")
		say("%s days left", "days_left")
	case "http":
		say("status %s", "status")
		say("%s", "server")
	case "identity":
		facts = append(facts, "checked")
	case "muxer":
		say("%s", "protocol")
		if s.Detail["early"] == true {
			facts = append(facts, "early")
		}
	case "alive":
		say("identify %s", "identify")
		say("ping %s", "ping")
	case "protocol":
		if spoken, ok := s.Detail["spoken"].([]string); ok {
			facts = append(facts, out.Clean(strings.Join(spoken, " "), maxNote))
		}
	case "relay":
		inner := s
		inner.Stage, _ = s.Detail["stage"].(string)
		inner.Detail = maps.Clone(s.Detail)
		delete(inner.Detail, "stage")
		facts = append([]string{inner.Stage}, inner.facts()...)
	case "hop":
		say("%s", "status")
	default:
		facts = s.plainFacts()
	}
	return facts
}

// plainFacts are the short facts of a stage: its protocol alone, all else with its name.
func (s Stage) plainFacts() []string {
	var facts []string
	if p, ok := s.Detail["protocol"]; ok {
		facts = append(facts, out.Clean(fmt.Sprint(p), maxNote))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Detail)) {
		switch v := s.Detail[k].(type) {
		case string, bool, int, int64, uint16, uint32, uint64, float64:
			if text := out.Clean(fmt.Sprint(v), 64); k != "protocol" && len(text) <= 32 { // a certhash says nothing to people
				facts = append(facts, strings.ReplaceAll(k, "_", " ")+" "+text)
			}
		}
	}
	return facts
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span writes milliseconds as a person reads them.
func span(ms float64) string {
	switch {
	case ms >= 99950:
		return fmt.Sprintf("%.0f s", ms/1000)
	case ms >= 9995:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 999.5:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 99.95:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 9.995:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}

// codeOf is the code that ended the stage of that index, "" where it did not end the walk.
func (a *Address) codeOf(i int) fail.Code {
	if a.Error != nil && i == len(a.Stages)-1 && !a.Stages[i].OK {
		return a.Error.Code
	}
	return ""
}

// ends returns when the address's last stage ended, in milliseconds of the probe's time.
func (a *Address) ends() float64 {
	end := 0.0
	for _, s := range a.Stages {
		end = max(end, s.StartMS+s.TookMS)
	}
	return end
}

// ends returns when the last stage of any address ended: the length of the time axis.
func (r *Report) ends() float64 {
	end := 0.0
	for _, a := range r.Addresses {
		end = max(end, a.ends())
	}
	return end
}
