// Package torture is a test alone: several processes do random things with one store while owners, agents and containers'
// first processes are killed; then everything is counted and checked. It asks the packages that importers have, and looks
// at processes, control groups and the store's directories. Nothing imports it.
//
// "make torture" runs it for ten minutes. A failure prints the seed.
package torture
