// Package key is `p2p key …`: what a key file or a peer id is, in other forms, and signatures with it.
// Its rule: no private key is shown unless the command is asked to convert one.
package key

import (
	"os"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/identity"
)

// Group returns the leaves of `p2p key`.
func Group() *cmd.Node {
	return cmd.Group("key", "inspect, convert and sign with peer keys",
		"Keys are read in every form: keygen's and js-libp2p's JSON, protobuf (raw, base64, a kubo keystore file),\n"+
			"PEM (PKCS8, public), DER, a kubo config, and for public keys any spelling of a peer id.", "",
		inspectCommand(),
		convertCommand(),
		signCommand(),
		verifyCommand(),
	)
}

// find reads the key that an argument names; "-" is stdin.
func find(c *cmd.Call, target string) (*identity.Key, error) {
	if target != "-" {
		return identity.Find(target)
	}
	b, err := identity.ReadAll(c.Stdin, "stdin", identity.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	return identity.Read(b)
}

// message reads what is signed: the file of the first argument, or stdin.
func message(c *cmd.Call) ([]byte, error) {
	if len(c.Args) == 0 || c.Args[0] == "-" {
		return identity.ReadAll(c.Stdin, "stdin", identity.MaxMessageBytes)
	}
	f, err := os.Open(c.Args[0])
	if err != nil {
		return nil, fail.New(fail.FileMissing, "cannot open the message %q: %w", c.Args[0], err).WithHint("name the file, or - for stdin")
	}
	defer f.Close()
	return identity.ReadAll(f, c.Args[0], identity.MaxMessageBytes)
}

func warnExposed(c *cmd.Call, path string) {
	if e := identity.Exposed(path); e != nil {
		c.Warn("%s; %s", e.Message, e.Hint)
	}
}
