package testscripts

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// type FILE CMD ARG...: runs an interactive program on a terminal of its own and does what FILE says:
// "> KEYS" types them (\n, \t, and \u for control-U, which empties the line), "< TEXT" waits until TEXT has come since the last wait. The
// program must end by itself behind the last line.
func typeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: type FILE CMD ARG...")
	}
	ptmx, tty := openTerminal(ts, 120, 40)
	defer ptmx.Close()
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"TERM=dumb", "PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("WORK"), "LANG=C.UTF-8", "INPUTRC=/dev/null"}
	ts.Check(cmd.Start())
	_ = tty.Close()
	chunks := make(chan string)
	go func() {
		defer close(chunks)
		b := make([]byte, 4096)
		for {
			n, err := ptmx.Read(b)
			if err != nil {
				return // EIO: the program closed the terminal
			}
			chunks <- string(b[:n])
		}
	}()
	seen, err := dialogue(ptmx, chunks, ts.ReadFile(args[0]))
	if err != "" {
		_ = cmd.Process.Kill()
		go func() {
			for range chunks {
			}
		}()
	}
	_ = cmd.Wait()
	if err != "" {
		ts.Fatalf("%s\n%q", err, seen)
	}
}

func dialogue(ptmx *os.File, chunks <-chan string, script string) (seen, fault string) {
	limit := time.After(20 * time.Second)
	keys := strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\u`, "\x15")
	since := 0
	for line := range strings.Lines(script) {
		what, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if what == ">" {
			if _, err := ptmx.WriteString(keys.Replace(text)); err != nil {
				return seen, err.Error()
			}
			continue
		}
		for !strings.Contains(seen[since:], text) {
			select {
			case c, ok := <-chunks:
				if !ok {
					return seen, "the program ended before it said " + text
				}
				seen += c
			case <-limit:
				return seen, "the program does not say " + text
			}
		}
		since += strings.Index(seen[since:], text) + len(text)
	}
	for {
		select {
		case c, ok := <-chunks:
			if !ok {
				return seen, ""
			}
			seen += c
		case <-limit:
			return seen, "the program does not end"
		}
	}
}
