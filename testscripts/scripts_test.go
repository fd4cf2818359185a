// Package testscripts runs the real command: every leaf has a script whose path mirrors its name.
// Its rule: real hosts on loopback, real processes, no mocks, no sleeping for readiness.
package testscripts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"p2p/commands"
	"p2p/lib/cmd"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"p2p":      func() { cmd.Exec(commands.All()) },
		"peernode": nodeMain,
	})
}

func TestScripts(t *testing.T) {
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".txtar") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d scripts: %v", len(files), err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "json": jsonPath, "ready": ready, "dns": dns, "pty": ptyCommand, "get": get, "type": typeCommand,
		},
	})
}

// condition: [netns] tells whether this user can make a network namespace, [have:PROGRAM] whether that
// program is installed; with P2P_REQUIRE=1 that is not asked.
func condition(name string) (bool, error) {
	if program, ok := strings.CutPrefix(name, "have:"); ok {
		_, err := exec.LookPath(program)
		return os.Getenv("P2P_REQUIRE") == "1" || err == nil, nil
	}
	if name != "netns" {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return os.Getenv("P2P_REQUIRE") == "1" || exec.Command("unshare", "-rn", "ip", "link", "set", "lo", "up").Run() == nil, nil
}

// setup gives a script a clean home and the place of the scripts.
func setup(e *testscript.Env) error {
	here, err := os.Getwd()
	e.Setenv("SCRIPTS", here)
	e.Setenv("LANG", "C.UTF-8")
	e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
	e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "data"))
	return err
}

// status N CMD ARG...: the command ends with that exit status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		text := err.Error()
		if got, err = strconv.Atoi(strings.TrimPrefix(text, "exit status ")); err != nil {
			ts.Fatalf("%s: %s", args[1], text)
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// json FILE|stdout .path value: the value at the path is that one (strings bare, others as JSON).
// A path is names and indices: .addresses.0.error.code; the last name may be # for a list's length;
// the first may be a line's number in NDJSON, from 0, or -1 for the last: @-1.ok
func jsonPath(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && (!neg || len(args) != 2) {
		ts.Fatalf("usage: [!] json FILE .path value")
	}
	text := ts.ReadFile(args[0])
	lines := strings.Split(strings.TrimSpace(text), "\n")
	path := strings.TrimPrefix(args[1], ".")
	doc := text
	if first, rest, ok := strings.Cut(path, "."); ok && strings.HasPrefix(first, "@") {
		n, err := strconv.Atoi(first[1:])
		ts.Check(err)
		if n < 0 {
			n += len(lines)
		}
		if n < 0 || n >= len(lines) {
			ts.Fatalf("%d lines, no line %s", len(lines), first)
		}
		doc, path = lines[n], rest
	}
	got, found := walkJSON(ts, doc, path)
	if neg && len(args) == 2 {
		if found {
			ts.Fatalf("%s is there: %s", args[1], got)
		}
		return
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s = %s, want %s%s\nin %s", args[1], got, map[bool]string{true: "not "}[neg], args[2], doc)
	}
}

func walkJSON(ts *testscript.TestScript, doc, path string) (string, bool) {
	var v any
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	ts.Check(d.Decode(&v))
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[strings.ReplaceAll(name, "|", ".")]; !ok {
				return "(absent)", false
			}
		case []any:
			if name == "#" {
				v = json.Number(strconv.Itoa(len(x)))
				continue
			}
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return "(absent)", false
			}
			v = x[i]
		default:
			return "(absent)", false
		}
	}
	if s, ok := v.(string); ok {
		return s, true
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b), true
}

// ready FILE VAR [.path]: waits until FILE, a background server's stdout, has a complete first line,
// and puts the whole line, or the value at the path, into $VAR.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: ready FILE VAR [.path]")
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		b, _ := os.ReadFile(ts.MkAbs(args[0]))
		if line, _, ok := bytes.Cut(b, []byte("\n")); ok {
			value := string(line)
			if len(args) == 3 {
				value, _ = walkJSON(ts, value, strings.TrimPrefix(args[2], "."))
			}
			ts.Setenv(args[1], value)
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			ts.Fatalf("%s has no line after 20 s", args[0])
		}
	}
}
