// Package dockerfile is the language of builds: a Dockerfile's text and the configurations of its bases become a Plan, in
// which everything is resolved before the first step runs: stages and what they take from each other, arguments, the
// configuration that each step leaves, and the part of each step's key that follows from the text.
//
// The language is BuildKit's: its packages parser, instructions, shell and linter read the text, and what an instruction
// does to a configuration is what BuildKit's dispatcher does. Beyond BuildKit, arguments are replaced in COPY --from.
//
// It is pure: it reads no file, asks no network and no clock. What it must know of images it asks the function that it is
// given. Texts are hostile: what is read and what expands is bounded.
package dockerfile
