// Package size holds the value types in which Metapilot reckons: CPU in millicores, memory in bytes, and the size
// of a component made of them.
//
// All are comparable values without pointers. What is not known is absent ([Opt]), never zero: a container without
// a memory limit has no limit, it does not have a limit of 0 bytes. Quantities of the Kubernetes API are turned into
// these types at the edge (controllers/clusterscaler), so that everything that decides is free of the API's types.
package size
