// Package config holds the manifests that install Metapilot, for tests and the demo, which install it from Go.
package config

import "embed"

// Manifests are the generated CustomResourceDefinitions (crd/bases) and the permissions of the manager (rbac).
//
//go:embed crd/bases/*.yaml rbac/*.yaml
var Manifests embed.FS
