// Package builds is the agent's room for builds: it runs Dockerfiles with imagebuildah, whose RUN steps are containers
// of the agent's own runtime (package ocirun), confined as every container of the engine is.
package builds
