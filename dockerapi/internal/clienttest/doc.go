// Package clienttest tests the API through Docker's own Go client and, where the machine has it, the docker command.
package clienttest
