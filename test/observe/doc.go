// Package observe watches the MetaCluster from outside, as a tenant's monitoring would, so that what Metapilot does is
// measured and judged by what the API server shows, and not by what Metapilot says of itself.
//
// An [Observer] watches every pod. It knows of each when it was first seen at each size, how often its containers were
// restarted, and whether it is still there: the latency of a resize, a restart or a touched bystander cannot hide.
package observe
