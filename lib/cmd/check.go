package cmd

import "p2p/lib/fail"

// Check tells whether the words would be understood as a command line, without running anything:
// the command exists and knows the flags. Placeholders such as FILE or ADDR are arguments like others.
func Check(root *Node, words []string) *fail.Error {
	n, path, rest := lookup(root, words)
	if n.Leaf == nil {
		if len(rest) > 0 && !wantsHelp(rest) {
			return unknownCommand(n, path, rest[0])
		}
		return nil
	}
	if wantsHelp(rest) {
		return nil
	}
	var s shared
	_, args, err := order(append(s.flags(n.Leaf), n.Leaf.Flags...), rest)
	if err != nil {
		return err
	}
	if n.Name == "help" && len(args) > 0 {
		return nil
	}
	return checkArgs(n.Leaf.Args, args)
}
