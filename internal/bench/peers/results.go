//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// results are all of one run.
type results struct {
	Machine  machine
	Missing  []string // peers, and why
	Subjects []subject
}

type machine struct {
	Kernel, Processor string
	Cores             int
	LoadBefore        string // of the last minute, five and fifteen
}

type subject struct {
	What    string
	Figures []figures // ours come first
}

type figures struct {
	Name         string
	Milliseconds []float64
	Failed       string `json:",omitempty"` // why there are no more
}

func thisMachine() machine {
	read := func(path string) string {
		b, _ := os.ReadFile(path) // what is not known is left empty
		return strings.TrimSpace(string(b))
	}
	m := machine{Kernel: read("/proc/sys/kernel/osrelease"), Cores: runtime.NumCPU()}
	m.LoadBefore = strings.Join(strings.Fields(read("/proc/loadavg") + " - - -")[:3], " ")
	for line := range strings.Lines(read("/proc/cpuinfo")) {
		if k, v, _ := strings.Cut(line, ":"); strings.TrimSpace(k) == "model name" {
			m.Processor = strings.TrimSpace(v)
			break
		}
	}
	return m
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	if len(s)%2 == 0 {
		return (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	return s[len(s)/2]
}

// ratio is that of ours to f's median: below 1 is faster.
func (s subject) ratio(f figures) float64 {
	return median(s.Figures[0].Milliseconds) / median(f.Milliseconds)
}

func (r *results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cores of %s, kernel %s, load before: %s\n", r.Machine.Cores, r.Machine.Processor, r.Machine.Kernel, r.Machine.LoadBefore)
	for _, m := range r.Missing {
		fmt.Fprintf(&b, "missing: %s\n", m)
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, s := range r.Subjects {
		fmt.Fprintf(w, "\n%s\n  ms:\tmedian\tleast\tours is\n", s.What)
		for i, f := range s.Figures {
			switch {
			case f.Failed != "":
				fmt.Fprintf(w, "  %s\tfailed: %s\n", f.Name, strings.TrimSpace(f.Failed))
			case i == 0:
				fmt.Fprintf(w, "  %s\t%.1f\t%.1f\t\n", f.Name, median(f.Milliseconds), slices.Min(f.Milliseconds))
			default:
				fmt.Fprintf(w, "  %s\t%.1f\t%.1f\t%.2f of it\n", f.Name, median(f.Milliseconds), slices.Min(f.Milliseconds), s.ratio(f))
			}
		}
	}
	_ = w.Flush() // a Builder takes all
	return b.String()
}

// svg has a group of bars for each subject, as long as their medians; the longest is the whole width.
func (r *results) svg() []byte {
	const width, left, bar, line = 900, 140, 480, 18
	var b bytes.Buffer
	y := line
	text := func(x int, weight, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="%s">`, x, y, weight)
		_ = xml.EscapeText(&b, []byte(s)) // a Buffer takes all
		b.WriteString("</text>\n")
	}
	for _, s := range r.Subjects {
		text(0, "bold", s.What)
		y += line
		longest := 0.0
		for _, f := range s.Figures {
			if f.Failed == "" {
				longest = max(longest, median(f.Milliseconds))
			}
		}
		for i, f := range s.Figures {
			text(10, "normal", f.Name)
			if f.Failed != "" {
				text(left, "normal", "failed")
			} else {
				m := median(f.Milliseconds)
				long := max(1, int(m/longest*bar))
				fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", left, y-line+6, long, line-4, []string{"#2a6", "#999"}[min(i, 1)])
				label := fmt.Sprintf("%.1f ms", m)
				if i > 0 {
					label += fmt.Sprintf(", ours is %.2f of it", s.ratio(f))
				}
				text(left+long+6, "normal", label)
			}
			y += line
		}
		y += line / 2
	}
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">`+"\n", width, y)
	return []byte(head + `<rect width="100%" height="100%" fill="white"/>` + "\n" + b.String() + "</svg>\n")
}
