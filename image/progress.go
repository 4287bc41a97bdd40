package image

// Phase is what happens to a blob.
type Phase string

// The phases of pull and push.
const (
	PhaseDownload Phase = "download"
	PhaseExtract  Phase = "extract"
	PhaseUpload   Phase = "upload"
	PhaseExists   Phase = "exists" // nothing to do: the other side has it
)

// Progress is a step of a pull or push.
type Progress struct {
	Digest  string `json:"digest"` // of the blob
	Phase   Phase  `json:"phase"`
	Current int64  `json:"current"`         // bytes so far
	Total   int64  `json:"total,omitempty"` // bytes in all; 0 when not known
	Done    bool   `json:"done,omitempty"`  // this phase of this blob is over
}
