package testscripts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2p/lib/explain"
	"p2p/lib/fail"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// dialCodes are the codes of the README's table, in the order of the stages of a dial.
var dialCodes = []fail.Code{
	fail.AddrSyntax, fail.AddrObsolete, fail.AddrMissingCerthash, fail.DNSNXDomain, fail.DNSNoDnsaddr,
	fail.DialRefused, fail.DialTimeout, fail.DialClosed, fail.DialSilent, fail.DialWrongService, fail.DialNoRoute, fail.QUICALPN,
	fail.TLSExpired, fail.TLSWrongHost, fail.TLSIncompleteChain, fail.TLSNotTLS,
	fail.WSProxyNoUpgrade, fail.WSBadGateway, fail.WSStatus, fail.WSTLSPort, fail.PnetRequired, fail.PnetMismatch,
	fail.SecurityPeerIDMismatch, fail.SecurityNoCommon, fail.MuxerNoCommon, fail.WebTransportCerthash, fail.WebRTCNoListener,
	fail.ConnClosed, fail.ConnResourceLimit, fail.IdentifyFailed, fail.ProtocolUnsupported,
	fail.RelayNoReservation, fail.RelayNotARelay, fail.RelayDenied, fail.RelayFull,
}

func dialTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| code | exit | what it means | first thing to do |\n|---|---|---|---|\n")
	for _, code := range dialCodes {
		e, ok := explain.Page(code)
		if !ok || len(e.Mend) == 0 {
			t.Fatalf("%s has no page", code)
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", code, e.Exit, e.Short, strings.Join(strings.Fields(e.Mend[0]), " "))
	}
	return b.String()
}

func exitTable() string {
	var b strings.Builder
	b.WriteString("| exit | kind | when |\n|---|---|---|\n")
	for _, s := range fail.Statuses() {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", s.Exit, s.Kind, s.When)
	}
	return b.String()
}

// The README's tables are the code's. P2P_UPDATE=1 writes them.
func TestReadmeTables(t *testing.T) {
	text := readme(t)
	for name, want := range map[string]string{"dial": dialTable(t), "exit": exitTable()} {
		mark := "<!-- table: " + name + " -->\n"
		i := strings.Index(text, mark)
		if i < 0 {
			t.Fatalf("the README has no mark for the table %s", name)
		}
		rest := text[i+len(mark):]
		have := regexp.MustCompile(`^(\|.*\n)*`).FindString(rest)
		if have == want {
			continue
		}
		if os.Getenv("P2P_UPDATE") == "" {
			t.Errorf("the table %s differs from the code's; run with P2P_UPDATE=1", name)
			continue
		}
		text = text[:i+len(mark)] + want + rest[len(have):]
		if err := os.WriteFile("../README.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type consoleStep struct {
	command string
	exit    int
	output  string
}

// consoleSteps reads the console blocks: "$ command   # exit N" and the output that is expected below.
func consoleSteps(t *testing.T, text string) []consoleStep {
	var steps []consoleStep
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, output, _ := strings.Cut(part, "\n")
			s := consoleStep{output: strings.TrimRight(output, "\n")}
			if at := strings.LastIndex(command, "   # exit "); at >= 0 {
				n, err := strconv.Atoi(command[at+len("   # exit "):])
				if err != nil {
					t.Fatalf("%q: %v", command, err)
				}
				command, s.exit = command[:at], n
			}
			s.command = command
			steps = append(steps, s)
		}
	}
	return steps
}

// matches compares output with what is expected: … stands for any text, alone on a line for any lines.
func matches(want, got string) bool {
	if want == "" {
		return true
	}
	var re strings.Builder
	re.WriteString(`(?s)^`)
	for _, line := range strings.Split(want, "\n") {
		if line == "…" {
			re.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		re.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`) + `\n`)
	}
	re.WriteString(`$`)
	return regexp.MustCompile(re.String()).MatchString(strings.TrimRight(got, "\n") + "\n")
}

// The README's console blocks run, in their order, as on a terminal that shows text.
func TestReadmeConsole(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bin, work := t.TempDir(), t.TempDir()
	env := append(os.Environ(), "GOBIN="+bin, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "P2P_OUTPUT=text", "LANG=C.UTF-8")
	steps := consoleSteps(t, readme(t))
	if len(steps) < 10 {
		t.Fatalf("%d steps in the README", len(steps))
	}
	for _, s := range steps {
		if strings.HasPrefix(s.command, "go test") {
			continue // it is what runs this test
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		c := exec.CommandContext(ctx, "sh", "-c", s.command)
		c.Dir, c.Env = work, env
		if strings.HasPrefix(s.command, "go ") {
			c.Dir = root
		}
		var both, errs bytes.Buffer
		c.Stdout, c.Stderr = &both, &errs
		runErr := c.Run()
		both.Write(errs.Bytes())
		cancel()
		if got := c.ProcessState.ExitCode(); got != s.exit {
			t.Errorf("$ %s\nexit %d, want %d: %v\n%s", s.command, got, s.exit, runErr, both.String())
		} else if !matches(s.output, both.String()) {
			t.Errorf("$ %s\nprints\n%s\nthe README says\n%s", s.command, both.String(), s.output)
		}
	}
}
