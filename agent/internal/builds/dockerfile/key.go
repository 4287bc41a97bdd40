package dockerfile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Chain is the key of what a step leaves: of what was there before, of what the instruction says, and of what it reads.
func Chain(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p)) // of one length, so that parts can't be taken for others
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// key is the digest of what an instruction says. It has no names of stages, since what is in them counts, no values of
// secrets, and no proxies.
func (s *Step) key() string {
	var said any
	switch {
	case s.Run != nil:
		said = s.Run.said()
	case s.Copy != nil:
		said = s.Copy.said()
	default:
		said = struct{ Dir *Workdir }{s.Dir}
	}
	b, err := json.Marshal(said)
	if err != nil {
		panic(err) // it is strings and numbers
	}
	return Chain("step 1", string(b))
}

func (r *Run) said() any {
	out := *r
	out.Proxies = nil
	out.Mounts = make([]Mount, len(r.Mounts))
	for i, m := range r.Mounts {
		m.From = Source{}
		out.Mounts[i] = m
	}
	return struct{ Run Run }{out}
}

func (c *Copy) said() any {
	out := *c
	out.From = Source{}
	if out.Owner != "" {
		out.User = "" // it is for nothing else
	}
	return struct{ Copy Copy }{out}
}
