package main

import (
	"debug/buildinfo"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where the figures come from. What cannot be found out is empty.
type Machine struct {
	CPU         string `json:"cpu"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memoryBytes"`
	System      string `json:"system"`
	Kernel      string `json:"kernel"`
	Go          string `json:"go"`
	// LoadAverage is that of the last minute, before the first kill; "" where the system does not say.
	LoadAverage string `json:"loadAverage"`
}

// describeMachine reads what Linux tells in /proc; elsewhere only what Go knows.
func describeMachine() Machine {
	load, _, _ := strings.Cut(contentOf("/proc/loadavg"), " ")
	kibibytes, _ := strconv.ParseInt(strings.TrimSuffix(fieldOf(contentOf("/proc/meminfo"), "MemTotal"), " kB"), 10, 64)
	return Machine{
		CPU:         fieldOf(contentOf("/proc/cpuinfo"), "model name"),
		Cores:       runtime.NumCPU(),
		MemoryBytes: kibibytes << 10,
		System:      runtime.GOOS + "/" + runtime.GOARCH,
		Kernel:      strings.TrimSpace(contentOf("/proc/sys/kernel/osrelease")),
		Go:          runtime.Version(),
		LoadAverage: load,
	}
}

func contentOf(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(content)
}

// fieldOf is the value of the first line "name : value".
func fieldOf(content, name string) string {
	for line := range strings.Lines(content) {
		key, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// unknownRevision is that of a program which was built without version control's help.
const unknownRevision = "of an unknown revision"

// revisionOf is the commit that a program was built from, as far as it says.
func revisionOf(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return unknownRevision
	}
	revision, changed := unknownRevision, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return revision + changed
}
