// Package cmd is the seam between the command tree and urfave/cli: argument order, shared flags,
// help, signals, logging, exit status and shell completion live here, once.
// Its rule: a command never sees any of that; it gets options, a Call and a context.
package cmd

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"
)

// Leaf is one command that does something.
type Leaf struct {
	Name    string
	Short   string              // lower case, no full stop, at most 60 characters
	Long    string              // what it is for; ends in examples that run, indented by four spaces
	Args    []string            // "<required>" "[optional]" "<many>..."
	Flags   []cli.Flag          // bound by Destination
	Words   map[string][]string // for completion: closed sets of values, by flag or by argument as in Args
	Results []any               // a zero value of every type it prints
	Schema  string              // "p2p.probe/1" where it is not made of the path
	Bare    bool                // prints an artefact that has no schema, such as a key
	Targets bool                // runs once per argument or line of stdin: has --stream
	Serves  bool                // runs until it is stopped: --timeout bounds one request, and the command keeps it
	Timeout time.Duration       // default of --timeout; 0: the leaf has neither --timeout nor --deadline
	Run     func(ctx context.Context, c *Call) error
}

// Node is a place in the command tree: a leaf, or a group of leaves.
type Node struct {
	Name, Short, Long string
	Leaf              *Leaf
	Default           string // the leaf that a group runs when the first word is not one of its leaves
	Sub               []*Node
}

// Command makes the Node of a leaf.
func Command(l Leaf) *Node {
	return &Node{Name: l.Name, Short: l.Short, Long: l.Long, Leaf: &l}
}

// Group makes the Node of a noun with its verbs. defaultLeaf may be "".
func Group(name, short, long, defaultLeaf string, leaves ...*Node) *Node {
	return &Node{Name: name, Short: short, Long: long, Default: defaultLeaf, Sub: leaves}
}

// Find returns the child of that name, or nil.
func (n *Node) Find(name string) *Node {
	i := slices.IndexFunc(n.Sub, func(s *Node) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return n.Sub[i]
}

// Names returns the names of the children in their order.
func (n *Node) Names() []string {
	names := make([]string, len(n.Sub))
	for i, s := range n.Sub {
		names[i] = s.Name
	}
	return names
}

// Walk calls f for every leaf below n with its path of words.
func (n *Node) Walk(f func(path []string, leaf *Leaf)) { n.walk(nil, f) }

func (n *Node) walk(path []string, f func([]string, *Leaf)) {
	if n.Leaf != nil {
		f(path, n.Leaf)
	}
	for _, s := range n.Sub {
		s.walk(append(slices.Clone(path), s.Name), f)
	}
}

// Nearest returns the candidate closest to word, or "" when none is close.
func Nearest(word string, candidates []string) string {
	best, at := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if d := distance(word, c); d < at && d < len(word) {
			best, at = c, d
		}
	}
	return best
}

// distance is the edit distance in which a swap of neighbours counts one.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return max(len(x), len(y))
	}
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range y {
		rows[0][j+1] = j + 1
	}
	for i := range x {
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			d := min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(x)][len(y)]
}
