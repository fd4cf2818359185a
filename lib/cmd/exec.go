package cmd

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/gologshim"
	"github.com/urfave/cli/v2"

	"p2p/lib/fail"
	"p2p/lib/out"
)

// Exec runs the process's command line against the tree and ends the process.
func Exec(tree []*Node) {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of the write, not a death
	os.Exit(Main(tree, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main runs one command line and returns its exit status.
func Main(tree []*Node, words []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &Node{Name: "p2p", Short: "run and diagnose your own libp2p and IPFS infrastructure", Sub: tree}
	c := &Call{Out: out.New(stdout, stderr, os.Getenv), Stdin: stdin, Getenv: os.Getenv, Root: root}
	if len(words) > 0 && words[0] == "__complete" {
		return exit(c, complete(root, c, words[1:]), false)
	}
	c.Out.ErrJSON = wantsJSON(words)
	node, path, rest := lookup(root, words)
	if wantsHelp(rest) {
		return exit(c, c.Raw(renderHelp(c.Out.TextWidth(), node, path)), false)
	}
	if node.Leaf == nil {
		return exit(c, noLeaf(c, node, path, rest), true)
	}
	return run(c, node.Leaf, path, rest)
}

// lookup walks the tree along the words; the rest are flags and arguments. A group's default leaf is
// taken when the next word cannot be the name of another leaf.
func lookup(n *Node, words []string) (node *Node, path, rest []string) {
	if len(words) > 0 && words[0] == "--version" && n.Find("version") != nil {
		return n.Find("version"), []string{"version"}, words[1:]
	}
	for n.Leaf == nil && len(words) > 0 {
		sub := n.Find(words[0])
		if sub == nil {
			break
		}
		n, path, words = sub, append(path, words[0]), words[1:]
	}
	if n.Default != "" && startsDefault(words) {
		n = n.Find(n.Default)
	}
	return n, path, words
}

// startsDefault tells whether the words after a group belong to its default leaf: some word looks
// like an address, or stdin is asked for. `p2p probe slef` is a mistyped leaf, not a target.
func startsDefault(words []string) bool {
	for i, w := range words {
		if w == "-" || w == "--" || strings.ContainsAny(w, "/:.") && !strings.HasPrefix(w, "-") {
			return true
		}
		if i == 0 && looksLikeID(w) {
			return true
		}
	}
	return len(words) > 0 && strings.HasPrefix(words[0], "-") && !slices.Contains(words, "--help") && !slices.Contains(words, "-h")
}

// looksLikeID: a bare peer id is refused by the default leaf with the right hint.
func looksLikeID(w string) bool {
	return w == "" || strings.TrimSpace(w) == "" || len(w) > 30 && (strings.HasPrefix(w, "12D3") || strings.HasPrefix(w, "Qm") ||
		strings.HasPrefix(w, "16Uiu") || strings.HasPrefix(w, "k51") || strings.HasPrefix(w, "baf"))
}

// wantsJSON finds an explicit --json before the command line is understood, for the errors of those that never are.
func wantsJSON(words []string) bool {
	i := slices.Index(words, "--")
	if i < 0 {
		i = len(words)
	}
	return slices.Contains(words[:i], "--json")
}

func wantsHelp(rest []string) bool {
	for _, w := range rest {
		switch w {
		case "--help", "-h":
			return true
		case "--":
			return false
		}
	}
	return false
}

func run(c *Call, l *Leaf, path, words []string) int {
	c.Path, c.schema = strings.Join(path, " "), schemaOf(path, l)
	var s shared
	flags := append(slices.Clone(l.Flags), s.flags(l)...)
	flagWords, args, bad := order(flags, words)
	if bad != nil {
		return exit(c, withHelpHint(bad, helpPath(path, l)), true)
	}
	status := 0
	app := &cli.App{
		Name: "p2p", Flags: flags, HideHelp: true, HideVersion: true, Writer: io.Discard, ErrWriter: io.Discard,
		DisableSliceFlagSeparator: true,
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return flagError(err) },
		ExitErrHandler:            func(*cli.Context, error) {},
		Action: func(cc *cli.Context) error {
			c.Args, c.bounded = args, cc.IsSet("timeout")
			status = action(cc.Context, c, l, &s, path)
			return nil
		},
	}
	if err := app.RunContext(context.Background(), append([]string{"p2p"}, flagWords...)); err != nil {
		return exit(c, withHelpHint(flagError(err), helpPath(path, l)), true)
	}
	return status
}

// action applies the shared flags, then runs the leaf under signals and the deadline.
func action(ctx context.Context, c *Call, l *Leaf, s *shared, path []string) int {
	if err := c.mode(s); err != nil {
		return exit(c, err, true)
	}
	if err := checkArgs(l.Args, c.Args); err != nil {
		return exit(c, withHelpHint(err, helpPath(path, l)), true)
	}
	if s.timeout < 0 || s.deadline < 0 {
		return exit(c, fail.New(fail.UsageFlag, "a negative duration is no bound").WithHint("0 means none"), true)
	}
	setLogging(c.Out)
	c.stream, c.timeout = s.stream, s.timeout
	ctx, stop := signals(ctx)
	defer stop()
	if s.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.deadline)
		defer cancel()
	}
	if !l.Targets && !l.Serves && s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	return exit(c, l.Run(ctx, c), true)
}

func (c *Call) mode(s *shared) error {
	env := c.Getenv("P2P_OUTPUT")
	switch {
	case s.json && s.text:
		return fail.New(fail.UsageFlag, "--json and --text exclude each other")
	case s.json:
		c.Out.JSON, c.Out.ErrJSON = true, true
	case s.text:
		c.Out.JSON = false
	case env == "json":
		c.Out.JSON = true
	case env == "text":
		c.Out.JSON = false
	case env != "":
		return fail.New(fail.Usage, "the environment variable P2P_OUTPUT is %q", env).WithHint("set it to json or text")
	}
	c.Out.Quiet, c.Out.Verbose = s.quiet, s.verbose
	return nil
}

// signals cancels the context at the first SIGINT or SIGTERM; the second ends the process at once.
func signals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-ch:
				if n > 0 {
					os.Exit(int(fail.KindInterrupted))
				}
				cancel()
			}
		}
	}()
	return ctx, func() { signal.Stop(ch); close(done); cancel() }
}

// Hangups tells of every SIGHUP, which asks a server to read its files again, until stop is called.
func Hangups() (hangups <-chan os.Signal, stop func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	return ch, func() { signal.Stop(ch) }
}

// setLogging sends the libraries' logs to stderr under --verbose and nowhere else.
func setLogging(o *out.Out) {
	var h slog.Handler = slog.DiscardHandler
	log.SetOutput(io.Discard)
	if o.Verbose {
		log.SetOutput(o.Stderr())
		h = slog.NewTextHandler(o.Stderr(), &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: shortTime})
	}
	slog.SetDefault(slog.New(h))
	gologshim.SetDefaultHandler(h)
}

func shortTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339Nano))
	}
	return a
}

// exit shows an error and returns the status that it means. usage tells that stdout is still empty
// unless the error is a finding, which has its report there.
func exit(c *Call, err error, usage bool) int {
	var f *found
	switch {
	case err == nil, errors.Is(err, out.ErrClosedPipe):
		return int(fail.KindOK)
	case errors.As(err, &f):
		if f.show != nil {
			c.Out.Fail(f.show, false)
		}
		return int(f.kind)
	}
	e := fail.Of(err)
	c.Out.Fail(e, usage)
	return int(e.Kind())
}

// flagError turns urfave's text into ours: it writes one dash before long names.
func flagError(err error) *fail.Error {
	var e *fail.Error
	if errors.As(err, &e) {
		return e
	}
	text := strings.TrimSuffix(err.Error(), ": parse error")
	text = strings.Replace(strings.Replace(text, " for flag -", " for flag --", 1), "\" for -", "\" for --", 1)
	return fail.New(fail.UsageFlag, "%s", text)
}

// helpPath is where the help with the leaf's flags is: a group's help does not show those of its default leaf.
func helpPath(path []string, l *Leaf) []string {
	if path[len(path)-1] == l.Name {
		return path
	}
	return append(slices.Clone(path), l.Name)
}

func withHelpHint(e *fail.Error, path []string) *fail.Error {
	help := strings.Join(append(append([]string{"p2p"}, path...), "--help"), " ")
	if e.Hint != "" {
		return e.WithHint("%s\nsee: %s", e.Hint, help)
	}
	return e.WithHint("see: %s", help)
}
