// Package shape describes what the library has in the types of Docker's API: containers, images, networks, volumes and
// events as docker inspect and the Docker Engine API show them.
//
// It is made of functions of their inputs: it knows no store and no connection. The API and the commands of examples/cli
// use the same functions, so that both say the same.
package shape
