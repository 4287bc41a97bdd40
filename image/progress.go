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

// Progress is a step of a pull or push. When that succeeds, each phase of each blob has ended with Current at Total. Where a
// transfer is tried again, a blob begins anew.
type Progress struct {
	Digest  string `json:"digest"` // of the blob: in the registry for a pull, in the store, where layers are not compressed, for a push
	Phase   Phase  `json:"phase"`
	Current int64  `json:"current"`         // bytes so far; of a push, before compression
	Total   int64  `json:"total,omitempty"` // bytes in all; 0 when not known
	Done    bool   `json:"done,omitempty"`  // this phase of this blob is over
}
