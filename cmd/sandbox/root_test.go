package main

import "testing"

func TestCommandsThatAreSuggestedCanBeCopied(t *testing.T) {
	for program, want := range map[string]string{
		"sandbox":                           "sandbox",
		"bin/sandbox":                       "bin/sandbox",
		"/tmp/go-build123/b001/exe/sandbox": "go run ./cmd/sandbox",
		"/tmp/mine/sandbox":                 "/tmp/mine/sandbox",
		"/home/me/go-build/sandbox":         "/home/me/go-build/sandbox",
	} {
		if got := commandOf(program, "/tmp"); got != want {
			t.Errorf("%s is told as %q, want %q", program, got, want)
		}
	}
}
