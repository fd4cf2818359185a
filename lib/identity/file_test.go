package identity

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"p2p/lib/fail"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "id.json")
	if err := WriteFile(path, []byte("one"), false); err != nil {
		t.Fatal(err)
	}
	wantCode(t, WriteFile(path, []byte("two"), false), fail.FileExists, path, "--force")
	if b, _ := os.ReadFile(path); string(b) != "one" {
		t.Errorf("overwritten: %q", b)
	}
	if err := WriteFile(path, []byte("two"), true); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "two" {
		t.Errorf("not overwritten with force: %q", b)
	}
	if st, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", st.Mode(), err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, WriteFile(filepath.Join(dir, "link"), nil, false), fail.FileExists)
	wantCode(t, WriteFile(filepath.Join(dir, "no", "id.json"), nil, false), fail.FileUnwritable, "no/id.json")
	wantCode(t, WriteFile(dir, nil, true), fail.FileUnwritable)
	if left, _ := filepath.Glob(filepath.Join(dir, ".p2p-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Of many writers without force exactly one wins, and its file is whole.
func TestWriteFileRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id.json")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			err := WriteFile(path, []byte(strings.Repeat(string(rune('a'+i)), 100)), false)
			if err == nil {
				won.Add(1)
			} else if fail.Of(err).Code != fail.FileExists {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if won.Load() != 1 || err != nil || len(b) != 100 {
		t.Errorf("%d winners, %d bytes, %v", won.Load(), len(b), err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadFile(filepath.Join(dir, "none"))
	wantCode(t, err, fail.FileMissing, "none")
	_, err = ReadFile(dir)
	wantCode(t, err, fail.FileUnreadable, "is a directory")
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, MaxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFile(big)
	wantCode(t, err, fail.FileTooLarge, "1048576")
	if _, err := os.Stat("/dev/zero"); err == nil {
		_, err = ReadFile("/dev/zero")
		wantCode(t, err, fail.FileTooLarge)
	}
}

func TestFindAndLoad(t *testing.T) {
	dir := t.TempDir()
	k := edKey(t)
	path := filepath.Join(dir, "id.json")
	if err := os.WriteFile(path, []byte(encoded(t, k, "json")), 0o644); err != nil {
		t.Fatal(err)
	}
	if e := Exposed(path); runtime.GOOS != "windows" && (e == nil || e.Code != fail.FileExposed || !strings.Contains(e.Message, "0644")) {
		t.Errorf("exposed: %v", e)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if e := Exposed(path); e != nil {
		t.Errorf("0600 is exposed: %v", e)
	}
	for _, target := range []string{path, edID, "/p2p/" + edID, strings.TrimSpace(encoded(t, k, "public"))} {
		if got, err := Find(target); err != nil || got.ID != k.ID {
			t.Errorf("%s: %v", target, err)
		}
	}
	_, err := Find(strings.TrimSpace(encoded(t, k, "base64")))
	wantCode(t, err, fail.KeyMalformed, "command line", "0600")
	_, err = Find("id.jsn")
	wantCode(t, err, fail.FileMissing, `"id.jsn"`)
	_, err = Find("nothing")
	wantCode(t, err, fail.KeyMalformed, `"nothing" is neither a file nor a peer id`)
	_, err = Find("")
	wantCode(t, err, fail.KeyMalformed)

	if priv, err := Load(path); err != nil || !priv.Equals(k.Priv) {
		t.Errorf("load: %v", err)
	}
	public := filepath.Join(dir, "id.pub")
	if err := os.WriteFile(public, []byte(encoded(t, k, "public")), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(public)
	wantCode(t, err, fail.KeyNoPrivate, public, "p2p keygen")
	if err := os.WriteFile(public, []byte("junk junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load(public)
	wantCode(t, err, fail.KeyMalformed, public)
	_, err = LoadSwarmKey(public)
	wantCode(t, err, fail.SwarmKeyMalformed, public)
	_, err = LoadSwarmKey(filepath.Join(dir, "no.key"))
	wantCode(t, err, fail.FileMissing)
}
