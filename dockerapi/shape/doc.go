// Package shape describes what the library has in the types of Docker's API: containers, images, networks, volumes and
// events as docker inspect and the Docker Engine API show them.
//
// It is made of functions of their inputs: it knows no store and no connection. The commands of examples/cli have functions
// of their own yet, in examples/cli/internal/format.
package shape
