package image

// BuildEventKind says what a BuildEvent is.
type BuildEventKind string

// The kinds of build events.
const (
	BuildPull   BuildEventKind = "pull"   // a base image is pulled: Instruction names it and Pull says how far it is
	BuildStep   BuildEventKind = "step"   // a step begins
	BuildCached BuildEventKind = "cached" // the result of the step was taken from an earlier build
	BuildOutput BuildEventKind = "output" // the step's command printed Output
	BuildDone   BuildEventKind = "done"   // the step has ended, and its result is Image

	BuildWarning BuildEventKind = "warning" // the Dockerfile does what it had better not: see Warning
)

// BuildEvent is the beginning of a step of a build, or what a step did. Events of one stage come in order. With
// BuildOptions.Jobs, events of several stages are mixed, and Stage tells them apart. A step that fails has no BuildDone;
// the error of Build describes it.
type BuildEvent struct {
	Kind        BuildEventKind `json:"kind"`
	Stage       int            `json:"stage,omitempty"`       // of the Dockerfile, from 1
	StageName   string         `json:"stageName,omitempty"`   // the name that FROM … AS gives the stage
	Step        int            `json:"step,omitempty"`        // in its stage, from 1, which is FROM
	Steps       int            `json:"steps,omitempty"`       // of the stage in all; a base's ONBUILD adds to it after FROM
	Line        int            `json:"line,omitempty"`        // in the Dockerfile, from 1; 0 for a step that is not in it, such as a base's ONBUILD
	Instruction string         `json:"instruction,omitempty"` // such as RUN make
	Output      []byte         `json:"output,omitempty"`      // standard output and error, as they came
	Image       string         `json:"image,omitempty"`       // the beginning of the result's id, which is the image's at the end; empty for FROM
	Pull        *Progress      `json:"pull,omitempty"`
	Miss        BuildMiss      `json:"miss,omitempty"` // of BuildOutput and BuildDone: why the step was run; empty for one that was not
	Warning     *BuildRule     `json:"warning,omitempty"`
}

// BuildMiss says why the result of a step could not be taken from an earlier build.
type BuildMiss string

// The reasons for which a step is run.
const (
	MissDisabled BuildMiss = "disabled" // the options say so: CacheOptions.Disable or DisableStages
	MissBefore   BuildMiss = "before"   // what the step begins with was made anew: a step before it, or the stage that it is made of
	MissFiles    BuildMiss = "files"    // an earlier build had the same instruction there, and read other files
	MissNew      BuildMiss = "new"      // no build that is remembered had this instruction there
)

// BuildRule is a rule of BuildKit's linter that a Dockerfile breaks. Warnings come before the first step. A line
// "# check=skip=NAME" in the Dockerfile leaves them out.
type BuildRule struct {
	Name        string `json:"name"` // such as StageNameCasing
	Description string `json:"description,omitempty"`
	URL         string `json:"url,omitempty"`
	Message     string `json:"message"`
}
