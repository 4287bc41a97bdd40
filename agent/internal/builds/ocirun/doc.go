// Package ocirun is the OCI runtime of builds: the few verbs of runc's command line that buildah uses, on libcontainer,
// in the agent's own binary. It also ends what such a runtime left running.
package ocirun
