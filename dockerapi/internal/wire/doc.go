// Package wire is how the Docker Engine API looks on a connection: paths with versions, query values, JSON bodies of
// bounded size, errors as Docker writes them, and the streams that requests are upgraded to.
//
// It knows no store and no container: the rooms above it do what is asked for.
package wire
