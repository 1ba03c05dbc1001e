// Package v1alpha1 is the API of Metapilot, group metapilot.dev.
//
// A ClusterScaler says, for the components of one tenant (one namespace), how each is to be kept the right size.
// A ScalingRecord is the story of one plan for one component: written before Metapilot acts, ended with how it turned out.
//
// Conventions: quantities are resource.Quantity, time spans are …Seconds, shares are …Percent, choices are typed
// unions (a type and the member of that name). No field is a float, a bool or a map. The words of a decision
// (verdicts, gates, reasons) are those of package apis/decision.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=metapilot.dev
package v1alpha1
