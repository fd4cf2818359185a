package key

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
	"p2p/lib/out"
)

const maxStdin = 64 << 20 // bytes of a stream of keys; each key has at most identity.MaxFileBytes

func inspectCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "inspect",
		Short: "say what a key file, a public key or a peer id is",
		Long: "Shows the peer id that the key really has, and never the private key. An id that is not the key's is a\n" +
			"finding with exit status 5. On stdin (-) may be one key in any form, or several JSON objects or peer ids.\n\n" +
			"    p2p key inspect id.json\n" +
			"    p2p key inspect 12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf\n" +
			"    p2p keygen --count 3 | p2p key inspect -",
		Args:    []string{"<file|id>..."},
		Targets: true,
		Results: []any{Report{}, cmd.Summary{}},
		Run:     runInspect,
	})
}

// Report says what a key is. Of a peer id that is only a hash, type and public key are not known. In a stream,
// whose lines have a type of their own, key_type alone names the algorithm.
type Report struct {
	OK         bool          `json:"ok"`
	Target     string        `json:"target"`
	Form       string        `json:"form,omitempty"`
	Type       string        `json:"type,omitempty"`
	KeyType    string        `json:"key_type,omitempty"`
	Bits       int           `json:"bits,omitempty"`
	PeerID     string        `json:"peer_id,omitempty"`
	PeerIDCID  string        `json:"peer_id_cid,omitempty"`
	StatedID   string        `json:"stated_id,omitempty"`
	PubKey     string        `json:"pubkey,omitempty"`
	HasPrivate bool          `json:"has_private"`
	Problems   []*fail.Error `json:"problems"`
	Error      *fail.Error   `json:"error,omitempty"`
}

func (r *Report) Failure() *fail.Error { return r.Error }

// Text shows one fact a line.
func (r *Report) Text(w *out.Text) {
	w.Printf("%s %s\n", w.Mark(r.OK), w.Bold(out.Clean(r.Target, 200)))
	size := ""
	if r.Bits > 0 {
		size = fmt.Sprintf(" %d bits", r.Bits)
	}
	private := "no"
	if r.HasPrivate {
		private = "yes"
	}
	rows := [][2]string{{"read as", r.Form}, {"type", r.KeyType + size}, {"peer id", r.PeerID}, {"as CID", r.PeerIDCID}, {"stated id", r.StatedID}, {"public key", r.PubKey}}
	for _, row := range rows {
		if row[1] != "" {
			w.Row(row[0], row[1])
		}
	}
	w.Row("private key", private)
	for _, p := range r.Problems {
		w.Printf("%s %s\n", w.Warn(string(p.Code)), out.Clean(p.Message, 1024))
		w.Printf("  %s\n", out.Clean(p.Hint, 1024))
	}
}

func runInspect(ctx context.Context, c *cmd.Call) error {
	keys, err := targets(c)
	if err != nil {
		return err
	}
	return c.Diagnose(ctx, 1, func(_ context.Context, target string) cmd.Finding {
		r := inspect(target, keys[target])
		if !c.Streaming() {
			r.Type = r.KeyType
		}
		return r
	})
}

// targets gives every argument a label that may be shown (a key in the wrong place may not) and tells
// what is behind it; the keys on stdin are read whole and named stdin:1, stdin:2, …
func targets(c *cmd.Call) (map[string]func() (*identity.Key, error), error) {
	keys := map[string]func() (*identity.Key, error){}
	for i, arg := range c.Args {
		if arg != "-" {
			c.Args[i] = identity.Quotable(arg)
			keys[c.Args[i]] = func() (*identity.Key, error) { return identity.Find(arg) }
		}
	}
	if !slices.Contains(c.Args, "-") {
		return keys, nil
	}
	b, err := identity.ReadAll(c.Stdin, "stdin", maxStdin)
	if err != nil {
		return nil, err
	}
	var labels strings.Builder
	for i, part := range identity.Split(b) {
		label := fmt.Sprintf("stdin:%d", i+1)
		labels.WriteString(label + "\n")
		keys[label] = func() (*identity.Key, error) { return identity.Read(part) }
	}
	c.Stdin = strings.NewReader(labels.String())
	return keys, nil
}

func inspect(target string, read func() (*identity.Key, error)) *Report {
	r := &Report{Target: target, Problems: []*fail.Error{}}
	k, err := read()
	if err != nil {
		r.Error = fail.Of(err)
		r.Problems = append(r.Problems, r.Error)
	}
	if k == nil {
		if bits, ok := r.Error.Detail["bits"].(int); ok { // of an RSA key that nobody accepts
			r.KeyType, r.Bits = string(identity.RSA), bits
		}
		return r
	}
	r.OK = err == nil
	r.Form, r.KeyType, r.Bits = k.Form, string(k.Type()), k.Bits()
	r.PeerID, r.PeerIDCID, r.HasPrivate = k.ID.String(), k.CID(), k.Priv != nil
	if k.Stated != "" && k.Stated != k.ID {
		r.StatedID = k.Stated.String()
	}
	if k.Pub != nil {
		if b, err := crypto.MarshalPublicKey(k.Pub); err == nil {
			r.PubKey = base64.StdEncoding.EncodeToString(b)
		}
	}
	r.Problems = append(r.Problems, k.Problems()...)
	if e := identity.Exposed(target); e != nil && r.HasPrivate {
		r.Problems = append(r.Problems, e)
	}
	return r
}
