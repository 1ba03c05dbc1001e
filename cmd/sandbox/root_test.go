package main

import "testing"

func TestCommandsThatAreSuggestedCanBeCopied(t *testing.T) {
	for program, want := range map[string]string{
		"sandbox":                           "sandbox",
		"bin/sandbox":                       "bin/sandbox",
		"/home/me/metapilot/bin/sandbox":    "/home/me/metapilot/bin/sandbox",
		"/tmp/go-build123/b001/exe/sandbox": "go run ./cmd/sandbox",
		"/home/me/.cache/go-build/5e/5e469ff57ba0-d/sandbox": "go run ./cmd/sandbox",
	} {
		if got := commandOf(program); got != want {
			t.Errorf("%s is told as %q, want %q", program, got, want)
		}
	}
}
