// Command demo shows Metapilot's main job on real Kubernetes components, in a sandbox, and checks what it shows.
//
// It brings up a MetaCluster in a box with a fleet of tenants, runs the real manager against it with the permissions
// that it ships, and plays scenes (scenes.go): an OOM storm on one tenant, while pods of the same names run in every
// other; a pod born afterwards; a rollout; the record; a tenant in dry run. What it says was seen by watching the API
// server from outside (package observe). It ends with 0 only if every check held.
package main
