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

// Progress is a step of a pull, a push or a load. All counts are bytes.
//
// If the transfer succeeds, the last event of each phase of each blob has Done, and Current equal to Total. If it is tried
// again, a blob may begin from 0 again, or come to PhaseExists instead.
type Progress struct {
	// Digest is that of the blob: for a pull as the registry has it, for a push as the store has it, which is not compressed.
	Digest string `json:"digest"`
	Phase  Phase  `json:"phase"`

	// Current is how many of the blob's bytes this phase has done. PhaseDownload counts bytes as they come, which are
	// compressed as a rule. PhaseExtract counts the same bytes, once they are unpacked. PhaseUpload counts bytes before they
	// are compressed. PhaseExists begins at its end.
	Current int64 `json:"current"`
	// Total is the size of the blob in the same bytes; 0 while it is not known.
	Total int64 `json:"total,omitempty"`
	// Done says that this phase of this blob is over.
	Done bool `json:"done,omitempty"`
}
