// Package recommender is the workload-recommender of the profile service: it fills WorkloadProfiles.
//
// A guided tour. The [Recommender] (recommender.go) runs on the leader. Once an interval it asks its Source for the usage
// of the whole fleet (round.go), finds whose each reading is (whose.go) and gives it to that workload's state: memory.go
// keeps one profiles.State for every container. It then runs the algorithms of the profiles whose turn it is
// (algorithm.go turns an API object into one), and writes what has moved (status.go), at a bounded rate.
//
// Nothing that was learnt is lost: checkpoint.go writes every state into its profile's status now and then, spread over
// the fleet, soon after an OOM kill, and when the process is asked to stop; and reads all of them before the first round.
// A checkpoint that knows less than the one that is there is not written.
//
// Missing data is never zero. A reading that is no usage is refused by profiles.State and counted; a profile without fresh
// readings keeps its sizes and says so in its condition SignalsFresh.
package recommender
