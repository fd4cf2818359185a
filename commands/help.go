package commands

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strings"

	"p2p/lib/cmd"
	"p2p/lib/fail"
	"p2p/lib/out"
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
	width := c.Out.TextWidth()
	if len(c.Args) == 1 {
		switch c.Args[0] {
		case "exit-status":
			return c.Raw(exitStatusTopic(width))
		case "output":
			return c.Raw([]byte(out.Paragraphs(outputTopic, width)))
		case "environment":
			return c.Raw([]byte(environmentTopic))
		}
	}
	text, err := cmd.Help(c.Root, c.Args, width)
	if err != nil {
		if len(c.Args) == 1 {
			words := append(c.Root.Names(), "exit-status", "environment", "output")
			if near := cmd.Nearest(c.Args[0], words); near != "" {
				return err.WithHint("did you mean \"p2p help %s\"?", near)
			}
			return err.WithHint("topics: exit-status, environment, output; commands: p2p help")
		}
		return err
	}
	return c.Raw(text)
}

func exitStatusTopic(width int) []byte {
	var b bytes.Buffer
	b.WriteString("exit  kind         when\n")
	for _, s := range fail.Statuses() {
		head := fmt.Sprintf("%4d  %-12s ", s.Exit, s.Kind)
		b.WriteString(out.Flow(head, strings.Fields(s.When), max(width, 60), strings.Repeat(" ", 19)) + "\n")
	}
	b.WriteString("\nSeveral targets: all good 0, some 8, all bad the kind that they share, else 1.\n")
	return b.Bytes()
}
