package api

import "encoding/json"

// Event is a line of a streaming response: progress, and at the end a result or an error.
type Event struct {
	Progress json.RawMessage `json:"progress,omitempty"`
	Output   []byte          `json:"output,omitempty"` // text for the caller's Output writer
	Result   json.RawMessage `json:"result,omitempty"`
	Err      *Error          `json:"err,omitempty"`
	Done     bool            `json:"done,omitempty"`
}
