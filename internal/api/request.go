package api

import "time"

// The bodies of requests and answers that are more than one of the public structs. Options are the public option
// structs, which this package can't import: they are parameters.

// Request asks something about an image.
type Request[Options any] struct {
	Ref     string  `json:"ref"`
	Options Options `json:"options"`
}

// SaveRequest asks for several images.
type SaveRequest[Options any] struct {
	Refs    []string `json:"refs"`
	Options Options  `json:"options"`
}

// PushIndexRequest is that of ImagePushIndex.
type PushIndexRequest[Options any] struct {
	Ref     string   `json:"ref"`
	Images  []string `json:"images"`
	Options Options  `json:"options"`
}

// Pushed is the result of ImagePush and ImagePushIndex.
type Pushed struct {
	Digest string `json:"digest"` // of the manifest in the registry
}

// BuildRequest is that of ImageBuild.
type BuildRequest[Options any] struct {
	Options Options    `json:"options"`
	Input   BuildInput `json:"input"`
}

// BuildInput says where the contexts of a build are, and what its caller wants to hear of it.
type BuildInput struct {
	Dir    string `json:"dir,omitempty"`    // the context is this directory
	HasTar bool   `json:"hasTar,omitempty"` // the context follows as tar
	Quiet  bool   `json:"quiet,omitempty"`
	Events bool   `json:"events,omitempty"`

	Dirs     map[string]string `json:"dirs,omitempty"`     // named contexts that are directories
	Tars     []string          `json:"tars,omitempty"`     // those that follow as tars, after the context's
	Boundary string            `json:"boundary,omitempty"` // of multipart, which the tars come as if there are Tars

	From  string      `json:"from,omitempty"` // what Verbs begin with; empty: there is a Dockerfile
	Verbs []BuildVerb `json:"verbs,omitempty"`
}

// BuilderFiles is how the names of the file systems begin that Verbs copy from. No image has such a name.
const BuilderFiles = "files.invalid/"

// BuildVerb is one thing that a build without a Dockerfile does: an instruction of a Dockerfile, whose words are taken as they
// are.
type BuildVerb struct {
	Name  string   `json:"name"` // such as RUN
	Args  []string `json:"args"`
	Flags []string `json:"flags,omitempty"` // such as --chown=1:2
	List  bool     `json:"list,omitempty"`  // Args are a list, and not a command for the shell
}

// Ref names an image, or a container by its name, its id or a prefix of that.
type Ref struct {
	Ref string `json:"ref"`
}

// Name names a volume or a network, or is the name that an image loses or a container gets.
type Name struct {
	Name string `json:"name"`
}

// TagRequest gives an image a name.
type TagRequest struct {
	Ref  string `json:"ref"`
	Name string `json:"name"`
}

// FileRequest is about a file of an image's file system.
type FileRequest struct {
	Name   string `json:"name"`
	Follow bool   `json:"follow,omitempty"` // a link at the end
	Offset int64  `json:"offset,omitempty"`
	Length *int64 `json:"length,omitempty"` // nil: to the end
}

// Created says what container was made or found.
type Created struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// PathRequest is about a file or directory of a container.
type PathRequest[Options any] struct {
	Path    string  `json:"path"`
	Options Options `json:"options"`
}

// AttachRequest is that of ContainerAttach.
type AttachRequest struct {
	Stdin bool `json:"stdin,omitempty"`
	Logs  bool `json:"logs,omitempty"` // begin with what the present run has written
	Size  Size `json:"size,omitzero"`
}

// ExecRequest is that of ContainerExec.
type ExecRequest struct {
	Args  []string `json:"args"`
	Env   []string `json:"env,omitempty"`
	Dir   string   `json:"dir,omitempty"`
	User  string   `json:"user,omitempty"`
	Stdin bool     `json:"stdin,omitempty"`
	TTY   bool     `json:"tty,omitempty"`
	Size  Size     `json:"size,omitzero"`

	Privileged bool `json:"privileged,omitempty"`
	Detach     bool `json:"detach,omitempty"`
}

// ExecStarted is what a Started frame of ContainerExec says.
type ExecStarted struct {
	PID int `json:"pid"` // on the host
}

// KillRequest is that of ContainerKill.
type KillRequest struct {
	Signal string `json:"signal,omitempty"` // SIGKILL if empty
}

// SocketRequest asks for a socket in the container's network.
type SocketRequest struct {
	Network string `json:"network"` // as net.Dial takes it
	Address string `json:"address"`
}

// Sample is a container's Stats.
type Sample[Stats any] struct {
	Stats   Stats     `json:"stats"`
	Started time.Time `json:"started"` // the run that it is of
}
