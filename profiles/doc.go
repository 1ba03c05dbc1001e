// Package profiles keeps what one container of a workload has used, and says what it needs.
//
// It is pure: samples come in as values, sizes go out as values, and the time is an argument. Reading metrics is done by
// profiles/sources, making WorkloadProfiles by profiles/workloads, and filling them by profiles/recommender.
//
// # The tour
//
// A [State] is all that is known of one container, over all the replicas of its workload, in at most 3 KB. A [Sample] is
// one reading of one replica; [State.Add] takes it, in any order and any number of times, and gives a [Verdict] on each
// of its values. [State.OOM] takes a kill. What is kept:
//
//   - the peak of every hour of the last 28 days, a byte each (hours.go): peaks, seasons and growth are read from it;
//   - a decaying histogram of usage (histogram.go): percentiles are read from it. It has a sample for every minute of CPU
//     and every five minutes of memory, that of the hottest replica;
//   - the peaks of the latest start-ups, the largest remembered OOM kills, and who the hot replica is.
//
// An [Algorithm] turns a State into an [Estimate]; it is a struct of settings with a file, a table of constants and a
// reason for each of its own: [Percentile], [Peak], [MovingWindow], [Seasonal] and [Auto], which chooses. The Vertical Pod
// Autoscaler's own algorithm needs more than a State and is package profiles/vpa. [State.Recommend] runs an algorithm,
// keeps its answer within bounds, and adds what a person wants to know.
//
// [State.AppendCheckpoint] and [State.Restore] carry a State over a restart, whole: the same recommendation before and
// after, in the middle of an hour and after a kill. Garbage is an error and changes nothing, and neither does a
// checkpoint that knows less than the State ([Header.Covers]).
//
// # What holds everywhere
//
// What is missing is never zero: an hour without a sample is unknown, and windows end at the newest sample, not now. What
// comes late or twice can only raise a peak. A value that is no number, negative, from the future or beyond any machine
// is refused, and counted. Whatever is rounded is rounded up.
//
// A State is not safe for concurrent use.
package profiles
