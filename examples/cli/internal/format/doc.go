// Package format is what the commands have in common of Docker's text: the templates, tables and JSON of --format, the
// values of --filter, times as --since takes them, and sizes, ages and ids as tables print them.
//
// It is made of functions of their inputs: it knows no store and no container, and writes only to the writer that it is
// given.
package format
