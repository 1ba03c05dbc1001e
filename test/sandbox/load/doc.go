// Package load says how much a component uses at a time: constant, a ramp, a daily wave, or a recorded trace. Pure but for
// [ReadTrace], which reads the file.
//
// A load has a start and a compression: with compression 60 a minute of the wall clock is an hour of the load, so a day
// passes in 24 minutes.
package load
