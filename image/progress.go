package image

// Phase says what happens to a blob.
type Phase string

// The phases of pull and push.
const (
	PhaseDownload Phase = "download"
	PhaseExtract  Phase = "extract"
	PhaseUpload   Phase = "upload"
	PhaseExists   Phase = "exists" // the other side has it already
)

// Progress is a step of a pull or a push. After a pull or push that succeeds, each phase of each blob has ended with
// Current at Total. If a transfer is tried again, a blob may begin from 0 again.
type Progress struct {
	Digest  string `json:"digest"` // of the blob: for a pull that of the registry, for a push that of the store, which is not compressed
	Phase   Phase  `json:"phase"`
	Current int64  `json:"current"`         // bytes so far; for a push before compression
	Total   int64  `json:"total,omitempty"` // bytes in all; 0 when not known
	Done    bool   `json:"done,omitempty"`  // this phase of this blob is over
}
