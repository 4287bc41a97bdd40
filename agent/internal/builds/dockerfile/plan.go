package dockerfile

import (
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Plan is a Dockerfile in which everything is resolved.
type Plan struct {
	Stages   []*Stage // those that the target needs, each after those that it needs
	Target   *Stage   // the last of Stages
	InFile   int      // how many stages the file has up to the target, needed or not
	Warnings []Warning
}

// Stage is what is between a FROM and the next.
type Stage struct {
	Index    int    // in the file, from 0
	Name     string // of AS, in lower case; may be empty
	Line     int
	Text     string // FROM, with arguments replaced
	Platform ocispec.Platform
	From     Source
	Steps    []*Step
	Fresh    bool     // it takes nothing of earlier builds
	OnBuild  int      // how many of Steps, the first ones, are the base's ONBUILD
	Needs    []*Stage // without those that Needs need
	Image    *Image   // the configuration after the last step; without times
}

// Source is where files come from. One field is set; none is an empty file system.
type Source struct {
	Stage   *Stage
	Base    *Base
	Need    Need   // of Base
	Context string // a named context of files
	Main    bool   // the build's context
	// Ref is as the Dockerfile has it, for messages.
	Ref string
}

// Step is an instruction after FROM. One of Run, Copy and Dir is set if it changes files.
type Step struct {
	Text    string // for people: in one line, without what follows a here-document's first line
	Line    int    // in the file, from 1; 0 for one that is not in it
	OnBuild bool

	Run  *Run
	Copy *Copy
	Dir  *Workdir
	// Key is the digest of what the instruction says, for steps that change files. What it reads is not in it.
	Key string
	// Image is the configuration after the step, without times. Only steps that change files have it.
	Image *Image
}

// Changes says whether the step changes files.
func (s *Step) Changes() bool { return s.Run != nil || s.Copy != nil || s.Dir != nil }

// Workdir makes a directory.
type Workdir struct {
	Path string
	User string // who owns what is made
}

// Run is a RUN step.
type Run struct {
	Args    []string // with the shell
	Env     []string
	Proxies []string // variables that are in no key
	Dir     string   // absolute
	User    string
	Network string // "", none or host
	Hosts   []string
	Mounts  []Mount
	Script  *File // a here-document that is a program, in the directory Scripts
}

// Scripts is where a step sees the here-document that it runs, as BuildKit has it.
const Scripts = "/dev/pipes"

// Mount is a --mount of RUN. Targets are absolute.
type Mount struct {
	Type     string // bind, cache, tmpfs, secret or ssh
	From     Source
	Path     string // in From
	Target   string // empty for a secret that is a variable alone
	ReadOnly bool
	Size     int64
	ID       string // of a cache, secret or SSH agent
	Sharing  string
	Required bool
	Env      string // the variable that has the secret
	Mode     *uint32
	UID, GID *int
}

// Copy is COPY or ADD.
type Copy struct {
	Add   bool
	From  Source
	Items []Item
	Dest  string // absolute; it ends with / or /. if the Dockerfile's does
	Dir   string // the working directory
	User  string // of the stage

	Owner, Mode string
	Link        bool
	Parents     bool
	Exclude     []string
}

// Item is what COPY or ADD copies: one of its fields is set.
type Item struct {
	Path string // a file or a pattern in From
	File *File  // a here-document
	URL  string
	Git  *Git
	// Unpack is for Path and URL; Checksum for URL.
	Unpack   bool
	Checksum string
}

// File is a here-document.
type File struct {
	Name string
	Data string
}

// Git is a repository that ADD fetches.
type Git struct {
	Remote, Ref, Subdir, Checksum string
	KeepDir, NoSubmodules         bool
}
