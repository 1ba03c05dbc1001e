// Package use judges how much of its size a component uses: too much, little, or neither. It is pure.
//
// A [Track] follows the use of one resource: [Track.See] takes a measurement, [Settings.Judge] says what it amounts to. Use
// is high once it has stayed above a share of the size for a time, and low once it has stayed below another for a whole
// window; one measurement above, or too long a gap between two, starts the window anew. What was not measured, or not
// lately, is unknown, which is neither high nor low.
package use
