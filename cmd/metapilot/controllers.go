package main

import (
	"github.com/metapilot/metapilot/controllers/manager"
)

// controllers is the table of what a manager runs.
func controllers() []manager.Controller {
	return []manager.Controller{
		// {Name: "clusterscaler", Setup: clusterscaler.Setup},
	}
}
