package commands

import (
	"context"
	"strings"

	"p2p/completions"
	"p2p/lib/cmd"
	"p2p/lib/fail"
)

const shellArg = "<bash|zsh|fish|powershell>"

func completionCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "completion",
		Short: "print the script that completes words in a shell",
		Long: "For the present session, or in the shell's start file:\n" +
			"  bash        source <(p2p completion bash)\n" +
			"  zsh         source <(p2p completion zsh)\n" +
			"  fish        p2p completion fish | source\n" +
			"  powershell  p2p completion powershell | Out-String | Invoke-Expression\n\n" +
			"    p2p completion bash",
		Args:  []string{shellArg},
		Words: map[string][]string{shellArg: completions.Shells()},
		Bare:  true,
		Run:   func(_ context.Context, c *cmd.Call) error { return runCompletion(c) },
	})
}

func runCompletion(c *cmd.Call) error {
	script := completions.Script(c.Args[0])
	if script == nil {
		e := fail.New(fail.UsageArgument, "there is no completion script for the shell %q", c.Args[0])
		if near := cmd.Nearest(c.Args[0], completions.Shells()); near != "" {
			return e.WithHint("p2p completion %s", near)
		}
		return e.WithHint("one of %s", strings.Join(completions.Shells(), ", "))
	}
	return c.Raw(script)
}
