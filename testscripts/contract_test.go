package testscripts

import (
	"bytes"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"p2p/commands"
	"p2p/lib/cmd"
	"p2p/lib/explain"
	"p2p/lib/fail"
)

func tree() *cmd.Node { return &cmd.Node{Name: "p2p", Sub: commands.All()} }

// A flag that nobody knows is a usage error of every command, and stdout stays empty.
func TestBadFlag(t *testing.T) {
	var paths [][]string
	tree().Walk(func(path []string, _ *cmd.Leaf) { paths = append(paths, path) })
	for _, n := range commands.All() {
		paths = append(paths, []string{n.Name})
	}
	for _, path := range paths {
		for _, flag := range []string{"--bad-flag", "--bad-flag=1", "-z"} {
			var stdout, stderr bytes.Buffer
			got := cmd.Main(commands.All(), append(slices.Clone(path), flag), strings.NewReader(""), &stdout, &stderr)
			if got != int(fail.KindUsage) || stdout.Len() > 0 || !strings.Contains(stderr.String(), flag) {
				t.Errorf("p2p %s %s: exit %d, stdout %q, stderr %q", strings.Join(path, " "), flag, got, stdout.String(), stderr.String())
			}
		}
	}
}

// Every code is a constant that some test names, beside its page (lib/explain's own tests see to those).
func TestCodesAreProduced(t *testing.T) {
	constants := map[fail.Code]string{}
	var tests strings.Builder
	for _, s := range sources(t) {
		if s.path == "lib/fail/codes.go" {
			ast.Inspect(s.file, func(n ast.Node) bool {
				if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
					if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						code, err := strconv.Unquote(lit.Value)
						if err != nil {
							t.Fatal(err)
						}
						constants[fail.Code(code)] = v.Names[0].Name
					}
				}
				return true
			})
		}
		if strings.HasSuffix(s.path, "_test.go") && !strings.HasPrefix(s.path, "lib/explain") && !strings.HasPrefix(s.path, "lib/fail") && !strings.Contains(s.path, "explain_") {
			tests.Write(s.text)
		}
	}
	scripts, err := filepath.Glob("*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*/*.txtar", "*/*/*.txtar"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, more...)
	}
	for _, f := range scripts {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "explain.txtar") { // it names codes to have them explained, and produces those on its stderr
			b = bytes.Join(regexp.MustCompile(`(?m)^stderr .*$`).FindAll(b, -1), nil)
		}
		tests.Write(b)
	}
	all := tests.String()
	if len(constants) != len(fail.Codes()) {
		t.Errorf("%d constants, %d codes with a kind", len(constants), len(fail.Codes()))
	}
	for code, name := range constants {
		if !code.Known() {
			t.Errorf("%s has no kind", code)
		}
		if _, ok := explain.Page(code); !ok {
			t.Errorf("%s has no page", code)
		}
		named := regexp.MustCompile(`fail\.`+name+`\b`).MatchString(all) ||
			regexp.MustCompile(`(^|[^a-z_.])`+regexp.QuoteMeta(string(code))+`($|[^a-z_.])`).MatchString(all)
		if !named {
			t.Errorf("no test produces %s", code)
		}
	}
}

// Whatever names a command names one that exists: help, hints, explain pages and the README.
func TestNamedCommandsExist(t *testing.T) {
	root := tree()
	check := func(where, line string) {
		words, ok := commandWords(line)
		if !ok {
			return
		}
		if err := cmd.Check(root, words); err != nil && (err.Code != fail.UsageArgument || strings.HasPrefix(line, "    ")) {
			t.Errorf("%s names %q: %v", where, line, err)
		}
	}
	root.Walk(func(path []string, l *cmd.Leaf) {
		for _, line := range strings.Split(l.Long, "\n") {
			if strings.HasPrefix(line, "    p2p ") {
				check("help of "+strings.Join(path, " "), line)
			}
		}
	})
	for _, p := range explain.Pages() {
		for _, line := range append(slices.Clone(p.Confirm), p.Mend...) {
			for _, c := range namedIn(line) {
				check("page "+string(p.Code), c)
			}
		}
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range namedIn(text) {
					check(s.path, c)
				}
			}
			return true
		})
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(readme), "\n") {
		for _, c := range namedIn(line) {
			check("README.md", c)
		}
	}
}

// named finds commands in prose: at a line's start, behind a colon or a backquote, up to where prose goes on.
var named = regexp.MustCompile("(?:^|: |`|\\$ |\n|    )(p2p [a-z][^`\n|>;<#]*)")

func namedIn(text string) []string {
	var all []string
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// commandWords splits a line into words up to where its prose, pipe or redirection begins.
func commandWords(line string) ([]string, bool) {
	line = strings.TrimSpace(line)
	line = regexp.MustCompile(`\s+[|>#<]\s.*|\s+[|>]\S*.*$`).ReplaceAllString(line, "")
	line = regexp.MustCompile(`%[a-z]`).ReplaceAllString(line, "/x")
	words := fields(line)
	if len(words) < 2 || words[0] != "p2p" || words[1] == "is" {
		return nil, false
	}
	return words[1:], true
}

// fields splits at blanks outside of quotes.
func fields(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`).FindAllString(line, -1) {
		words = append(words, strings.Trim(m, `'".,:;)`))
	}
	return words
}

// What a command prints has JSON names in snake case, and no list that would be null by its type alone.
func TestResultTags(t *testing.T) {
	seen := map[reflect.Type]bool{}
	tree().Walk(func(path []string, l *cmd.Leaf) {
		for _, r := range l.Results {
			checkTags(t, strings.Join(path, " "), reflect.TypeOf(r), seen)
		}
	})
}

var snake = regexp.MustCompile(`^[a-z][a-z0-9_]*$|^(privKey|pubKey)$`)

func checkTags(t *testing.T, where string, typ reflect.Type, seen map[reflect.Type]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || seen[typ] || !strings.HasPrefix(typ.PkgPath(), "p2p/") {
		return
	}
	seen[typ] = true
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && name != "-" && !snake.MatchString(name) {
			t.Errorf("%s: %s.%s has the JSON name %q", where, typ.Name(), f.Name, name)
		}
		if strings.HasSuffix(name, "_ms") && f.Type.Kind() != reflect.Float64 || strings.HasSuffix(name, "_bytes") && f.Type.Kind() == reflect.Float64 {
			t.Errorf("%s: %s.%s is a %s", where, typ.Name(), f.Name, f.Type)
		}
		checkTags(t, where, f.Type, seen)
	}
}
