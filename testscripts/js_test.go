package testscripts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"p2p/commands"
	"p2p/lib/cmd"
	"p2p/lib/identity"
)

// unavailable skips an optional part with its reason, or fails where all parts are required.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("P2P_REQUIRE") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// npmCI installs the packages of testscripts/js once a run, and only when package-lock.json changed.
var npmCI = sync.OnceValue(func() (problem string) {
	lock, err := os.ReadFile("js/package-lock.json")
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256(lock)
	stamp, want := "js/node_modules/.p2p-lock", hex.EncodeToString(sum[:])
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	c.Dir, c.WaitDelay = "js", 5*time.Second
	if text, err := c.CombinedOutput(); err != nil {
		return "npm ci in testscripts/js: " + err.Error() + "\n" + string(text)
	}
	if err := os.WriteFile(stamp, []byte(want), 0o644); err != nil {
		return err.Error()
	}
	return ""
})

// jsCommand is a script of testscripts/js, to be run with the packages that package-lock.json pins.
func jsCommand(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			unavailable(t, "%s is not installed: %v", tool, err)
		}
	}
	if problem := npmCI(); problem != "" {
		unavailable(t, "%s", problem)
	}
	node := "node"
	if own, err := filepath.Abs("js/node_modules/.bin/node"); err == nil {
		if _, err := os.Stat(own); err == nil {
			node = own
		}
	}
	c := exec.Command(node, append([]string{script}, args...)...)
	c.Dir = "js"
	return c
}

// runJS runs such a script to its end and returns what it printed.
func runJS(t *testing.T, stdin string, script string, args ...string) string {
	t.Helper()
	c := jsCommand(t, script, args...)
	c.Stdin = strings.NewReader(stdin)
	var errs bytes.Buffer
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, errs.String())
	}
	return string(b)
}

// p2p runs one command line in this process and returns its stdout.
func p2p(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := cmd.Main(commands.All(), args, strings.NewReader(stdin), &out, &errs); status != 0 {
		t.Fatalf("p2p %v: exit status %d\n%s", args, status, errs.String())
	}
	return out.String()
}

// js-libp2p's packages, the old peer-id and the current ones, take keygen's JSON: same id, same key, and
// signatures are good in both directions.
func TestKeysInJS(t *testing.T) {
	var lines []string
	keys := map[string]*identity.Key{}
	for _, typ := range []string{"ed25519", "secp256k1", "rsa"} {
		line := p2p(t, "", "keygen", "--type", typ)
		k, err := identity.Read([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		sig, err := k.Sign([]byte("from go"))
		if err != nil {
			t.Fatal(err)
		}
		keys[typ] = k
		lines = append(lines, strings.TrimSuffix(line, "}\n")+`,"signature":"`+base64.StdEncoding.EncodeToString(sig)+`"}`)
	}
	answers := strings.Split(strings.TrimSpace(runJS(t, strings.Join(lines, "\n")+"\n", "key.js")), "\n")
	if len(answers) != len(keys) {
		t.Fatalf("%d answers for %d keys: %v", len(answers), len(keys), answers)
	}
	for _, line := range answers {
		var a struct {
			Type, Signature string
			OldID           string `json:"old_id"`
			NewID           string `json:"new_id"`
			OldPrivate      bool   `json:"old_private"`
			SamePublic      bool   `json:"same_public"`
			Verified        bool
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		k := keys[a.Type]
		if id := k.ID.String(); a.OldID != id || a.NewID != id || !a.OldPrivate || !a.SamePublic || !a.Verified {
			t.Errorf("%s %s: js says %s", a.Type, id, line)
		}
		p2p(t, "from js", "key", "verify", "--key", strings.TrimSpace(mustEncode(t, k, "public")), "--signature", a.Signature)
	}
}

func mustEncode(t *testing.T, k *identity.Key, format string) string {
	t.Helper()
	b, err := k.Encode(format)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
