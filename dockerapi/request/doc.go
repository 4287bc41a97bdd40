// Package request reads what clients of Docker's API ask for a container to be: Docker's configuration becomes the
// options of the library, and what those can't say is refused by its name.
//
// It is made of functions of their inputs. What must be looked up, such as the networks and the image that are named, is
// given to it.
package request
