// Package completions holds the scripts that make shells complete the words of p2p.
// Its rule: a script only asks `p2p __complete` and never evaluates what was typed.
package completions

import _ "embed" // the files by name: patterns would leave out _p2p

//go:embed p2p.bash
var bash []byte

//go:embed _p2p
var zsh []byte

//go:embed p2p.fish
var fish []byte

//go:embed p2p.ps1
var powershell []byte

// Shells returns the names that Script knows.
func Shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// Script returns the script of a shell, nil for one that there is none for.
func Script(shell string) []byte {
	return map[string][]byte{"bash": bash, "zsh": zsh, "fish": fish, "powershell": powershell}[shell]
}
