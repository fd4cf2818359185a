package testscripts

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"p2p/commands"
	"p2p/lib/cmd"
)

// layers is the plan of the house: a package imports only packages of strictly lower layers.
var layers = map[string]int{
	"lib/fail": 0, "completions": 0,
	"lib/out": 1, "lib/identity": 1, "lib/addr": 1, "lib/addr/dnstest": 1,
	"lib/cmd": 2, "lib/explain": 2,
	"lib/node":  3,
	"lib/probe": 4, "lib/probe/faulttest": 4,
	"lib/serve": 5,
	"commands":  7, "main": 8, "testscripts": 8, "testscripts/lab": 8, "testscripts/bench": 8, "testscripts/bench/floor": 8,
}

func layerOf(pkg string) (int, bool) {
	if n, ok := layers[pkg]; ok {
		return n, true
	}
	if strings.HasPrefix(pkg, "commands/") {
		return 6, true
	}
	return 0, false
}

type source struct {
	path string // from the root of the tree
	pkg  string // its folder, "main" for the root
	test bool
	file *ast.File
	fset *token.FileSet
	text []byte
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && path != ".." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "tools" || name == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, "../"))
		pkg := filepath.ToSlash(filepath.Dir(rel))
		if pkg == "." {
			pkg = "main"
		}
		test := strings.HasSuffix(name, "_test.go") || strings.HasSuffix(pkg, "test") || strings.HasPrefix(pkg, "testscripts/")
		all = append(all, source{rel, pkg, test, f, fset, text})
		return nil
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d source files: %v", len(all), err)
	}
	return all
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"main.go", "commands", "lib", "completions", "testscripts", "go.mod", "go.sum", "README.md"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(e.Name(), "LICENSE") && e.Name() != "p2p" && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s has no place at the top level", e.Name())
		}
	}
}

// Imports point down, and urfave/cli, fatih/color and libp2p.New stay behind their seams.
func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		own, known := layerOf(s.pkg)
		if !known {
			t.Errorf("%s: the package %s has no layer", s.path, s.pkg)
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			switch {
			case strings.HasPrefix(path, "github.com/urfave/cli") && !s.test && !strings.HasPrefix(s.pkg, "commands") && s.pkg != "lib/cmd" && !strings.HasSuffix(s.path, "/flags.go"):
				t.Errorf("%s imports %s", s.path, path)
			case path == "github.com/fatih/color" && s.pkg != "lib/out":
				t.Errorf("%s imports %s", s.path, path)
			}
			rest, inside := strings.CutPrefix(path, "p2p/")
			if !inside || s.test {
				continue
			}
			if n, ok := layerOf(rest); !ok || n >= own {
				t.Errorf("%s (layer %d) imports %s (layer %d)", s.path, own, path, n)
			}
			if strings.HasSuffix(rest, "test") {
				t.Errorf("%s imports %s, which is for tests", s.path, path)
			}
		}
	}
}

// Printing, exiting and panicking happen in the seams alone; servers are made in one place.
func TestForbiddenCalls(t *testing.T) {
	seams := map[string][]string{
		`\bos\.Exit\(`:                 {"lib/cmd"},
		`\bos\.Std(out|err|in)\b`:      {"lib/cmd", "lib/out"},
		`\bfmt\.Print(f|ln)?\(`:        {},
		`\blog\.(Fatal|Print|Panic)`:   {},
		`\bpanic\(`:                    {},
		`\blibp2p\.New\(`:              {"lib/node"},
		`\bhttp\.(Server\{|ListenAnd)`: {"lib/serve"},
		`\bfunc init\(\)`:              {},
		`\btime\.Sleep\(`:              {},
		`select \{\s*\}`:               {},
		`\bcontext\.WithValue\(`:       {},
		`\bc\.(String|Int|Bool)\("`:    {},
		`\b(TODO|FIXME|XXX|HACK)\b`:    {},
	}
	for _, s := range sources(t) {
		for pattern, allowed := range seams {
			if s.test && !strings.Contains(pattern, "Sleep") && !strings.Contains(pattern, "TODO") || slices.Contains(allowed, s.pkg) || s.path == "testscripts/structure_test.go" {
				continue
			}
			if at := regexp.MustCompile(pattern).FindIndex(s.text); at != nil {
				t.Errorf("%s:%d: %s", s.path, 1+bytes.Count(s.text[:at[0]], []byte("\n")), s.text[at[0]:at[1]])
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := 300
		if s.test {
			limit = 600
		}
		if n := bytes.Count(s.text, []byte("\n")); n > limit {
			t.Errorf("%s has %d lines, more than %d", s.path, n, limit)
		}
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name == "Statuses" {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > 60 {
				t.Errorf("%s: %s has %d lines, more than 60", s.path, f.Name.Name, n)
			}
		}
	}
}

// Every package says what it is, and every exported name of the library has its sentence.
func TestComments(t *testing.T) {
	documented, seen := map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		seen[s.pkg] = true
		if s.file.Doc != nil {
			documented[s.pkg] = true
			if n := len(s.file.Doc.List); n > 6 {
				t.Errorf("%s: the package comment has %d lines, more than 6", s.path, n)
			}
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() && f.Doc == nil && !plainMethod(f) {
				t.Errorf("%s: %s has no comment", s.path, f.Name.Name)
			}
		}
	}
	for pkg := range seen {
		if !documented[pkg] {
			t.Errorf("the package %s has no comment", pkg)
		}
	}
}

// plainMethod: a method that an interface names needs no sentence, nor one of a type that nobody outside sees.
func plainMethod(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return false
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if id, ok := receiver.(*ast.Ident); ok && !id.IsExported() {
		return true
	}
	return slices.Contains([]string{"Text", "Failure", "Error", "Unwrap", "String", "Set", "Read", "Write", "Close"}, f.Name.Name)
}

// The path is the name: a leaf has its file, its script, its short line and an example.
func TestLeaves(t *testing.T) {
	root := &cmd.Node{Name: "p2p", Sub: commands.All()}
	root.Walk(func(path []string, l *cmd.Leaf) {
		name := strings.Join(path, "/")
		if len(path) > 2 {
			t.Errorf("%s is deeper than group and leaf", name)
		}
		if _, err := os.Stat("../commands/" + name + ".go"); err != nil {
			t.Errorf("%s has no file of its name: %v", name, err)
		}
		if _, err := os.Stat(name + ".txtar"); err != nil {
			scripts, _ := filepath.Glob(name + "/*.txtar")
			if len(scripts) == 0 {
				t.Errorf("%s has no script", name)
			}
		}
		if l.Short == "" || len(l.Short) > 60 || strings.HasSuffix(l.Short, ".") || unicode.IsUpper([]rune(l.Short)[0]) && !strings.HasPrefix(l.Short, "DNS") {
			t.Errorf("%s: the short line %q", name, l.Short)
		}
		if !strings.Contains(l.Long, "\n    p2p ") && !strings.HasPrefix(l.Long, "    p2p ") {
			t.Errorf("%s: the help ends in no example", name)
		}
		if len(l.Results) == 0 && !l.Bare {
			t.Errorf("%s: says not what it prints", name)
		}
	})
}
