// Package show writes answers for people and for programs: tables in colour, Markdown and CSV, JSON and YAML.
//
// It is given values and writes them; it asks no API server and reads no clock. A verb builds a [Table] once, and the
// [Format] that the caller asked for decides what becomes of it. What is not known is written as "-", never as zero. Text
// of tenants' objects is written without its control characters, so that a message cannot take over a terminal.
//
// Reading: format.go says which formats there are; table.go writes a table in each; words.go says amounts, changes of
// size and lengths of time as people do.
package show
