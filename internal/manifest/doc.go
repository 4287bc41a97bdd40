// Package manifest reads image manifests and indexes, of the OCI image spec and of Docker's schema 2, for the registry's
// client and its server. It is pure: it decides from bytes, and touches neither the network nor a file.
package manifest
