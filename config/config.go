// Package config holds the manifests that install Metapilot, for what installs it from Go, as tests and the demo do, and for
// `metapilot doctor`, which asks whether the manager has the permissions it ships.
package config

import "embed"

// Manifests are the generated CustomResourceDefinitions (crd/bases) and the permissions of the manager (rbac).
//
//go:embed crd/bases/*.yaml rbac/*.yaml
var Manifests embed.FS
