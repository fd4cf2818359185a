//go:build !linux

package testscripts

import "github.com/rogpeppe/go-internal/testscript"

func ptyCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("the verb pty is for Linux: begin the script with [!linux] skip")
}

func typeCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("the verb type is for Linux: begin the script with [!linux] skip")
}
