package process

import (
	"fmt"
	"net"
	"strings"
)

// FreePorts returns n different TCP ports of 127.0.0.1 that nobody listens on.
//
// All n are held until the last is found, so they differ; afterwards they are free for anybody. Whoever starts a program on
// one must be ready to see it taken (see [PortTaken]) and ask again.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer func() { _ = l.Close() }() // in a loop on purpose: hold all of them until the end
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// PortTaken reports whether a program's last words say that somebody else had taken its port.
func PortTaken(err error) bool {
	return err != nil && strings.Contains(err.Error(), "address already in use")
}
