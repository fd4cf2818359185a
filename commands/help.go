package commands

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"

	"p2p/lib/cmd"
	"p2p/lib/fail"
)

func helpCommand() *cmd.Node {
	return cmd.Command(cmd.Leaf{
		Name:  "help",
		Short: "show the help of a command or a topic",
		Long: "Topics: exit-status, environment, output.\n\n" +
			"    p2p help exit-status\n    p2p help version",
		Args:  []string{"[word]..."},
		Words: map[string][]string{"[word]...": {"exit-status", "environment", "output"}},
		Bare:  true,
		Run:   func(_ context.Context, c *cmd.Call) error { return runHelp(c) },
	})
}

//go:embed help_output.txt
var outputTopic string

//go:embed help_environment.txt
var environmentTopic string

func runHelp(c *cmd.Call) error {
	if len(c.Args) == 1 {
		switch c.Args[0] {
		case "exit-status":
			return c.Raw(exitStatusTopic())
		case "output":
			return c.Raw([]byte(outputTopic))
		case "environment":
			return c.Raw([]byte(environmentTopic))
		}
	}
	text, err := cmd.Help(c.Root, c.Args, c.Out.TextWidth())
	if err != nil {
		if len(c.Args) == 1 {
			return err.WithHint("topics: exit-status, environment, output; commands: p2p help")
		}
		return err
	}
	return c.Raw(text)
}

func exitStatusTopic() []byte {
	var b bytes.Buffer
	b.WriteString("exit  kind         when\n")
	for _, s := range fail.Statuses() {
		fmt.Fprintf(&b, "%4d  %-12s %s\n", s.Exit, s.Kind, s.When)
	}
	b.WriteString("\nSeveral targets: all good 0, some 8, all bad the kind that they share, else 1.\n")
	return b.Bytes()
}
