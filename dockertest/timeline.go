package dockertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// note adds how far the fixture has come to the report of the run, if there is one. Once it has failed, that stays so.
func (f *Fixture) note(state string, log string, err error) {
	if reportFile() == "" {
		return
	}
	if err != nil {
		f.times.Mark("failed")
	}
	f.mu.Lock()
	if err != nil {
		f.failure = err.Error()
	}
	e := timeline.Entry{
		Kind: timeline.Container, Test: f.test, Image: f.settings.image, State: state, TestFailed: f.testFailed, Error: f.failure, Log: log,
	}
	f.mu.Unlock()
	if e.Error != "" {
		e.State = timeline.Failed
	}
	e.Begin, e.Steps = f.times.Steps()
	if f.Container != nil {
		e.Name = f.Name()
	}
	if n := len(e.Steps); n > 0 && (e.Steps[n-1].Name == "ready" || e.Steps[n-1].Name == "reuse") {
		e.Ready = e.Steps[n-1].End
	}
	if state != timeline.Ready {
		e.End = time.Now()
	}
	addEntry(e)
}

// noteBuild is note for an image that a test waited for.
func noteBuild(test, image string, begin time.Time, err error) {
	if reportFile() == "" {
		return
	}
	now := time.Now()
	e := timeline.Entry{
		Kind: timeline.Build, Test: test, Image: image, State: timeline.Ready, Begin: begin, Ready: now, End: now,
		Steps: []timeline.Step{{Name: "build", End: now}},
	}
	if err != nil {
		e.State, e.Error, e.Ready = timeline.Failed, err.Error(), time.Time{}
	}
	addEntry(e)
}

func addEntry(e timeline.Entry) {
	e.ID = fmt.Sprintf("%d-%d-%s", os.Getpid(), e.Begin.UnixNano(), e.Kind)
	e.Package = testPackage()
	if err := timeline.Add(reportFile(), timeline.Run(), e); err != nil {
		lostReport.Do(func() { fmt.Fprintf(os.Stderr, "dockertest: the report of the run: %v\n", err) })
	}
}

var lostReport sync.Once

// testPackage is the import path of the package that is tested.
var testPackage = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.TrimSuffix(info.Path, ".test")
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
})

// What a report has of a log.
const reportLines, reportBytes = 200, 64 << 10

// logForReport is the end of the log, if there is a report to be written.
func (f *Fixture) logForReport(ctx context.Context) string {
	if reportFile() == "" {
		return ""
	}
	var b strings.Builder
	for e, err := range f.LogEntries(ctx, container.LogsOptions{Tail: reportLines}) {
		if err != nil {
			fmt.Fprintf(&b, "(the log can't be read: %v)\n", err)
			break
		}
		b.WriteString(strings.ToValidUTF8(e.Line, "\uFFFD") + "\n")
	}
	log := b.String()
	return strings.ToValidUTF8(log[max(0, len(log)-reportBytes):], "")
}
