//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/shell"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

var (
	walkDocker = flag.String("walk-docker", "", "write the answers of this docker program into testdata/walk; its daemon must have nothing")
	walkNote   = flag.Bool("walk-note", false, "write today's differences into testdata/walk; each still needs its reason")
)

// TestWalk runs the command lines of testdata/walk and compares exit codes, standard output and what the messages name
// with docker's answers, which stand there too. "make walk-docker" asks a docker again.
func TestWalk(t *testing.T) {
	testenv.Slow(t)
	testenv.Root(t) // so that it has what Docker's daemon has
	files, err := filepath.Glob("testdata/walk/*.walk")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i := range files {
		files[i], err = filepath.Abs(files[i])
		require.NoError(t, err)
	}
	dir := t.TempDir()
	require.NoError(t, walkFiles(dir, testenv.Testbox(t)))
	t.Chdir(dir)
	run := &walker{t: t, dir: dir}
	if *walkDocker != "" {
		run.program = &dockerProgram{path: *walkDocker}
	} else {
		run.program = newInProcess(t)
	}
	run.prepare()
	var all []walkStep
	for _, file := range files {
		w, err := readWalk(file)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".walk"), func(t *testing.T) {
			run.t = t
			run.walk(w)
		})
		all = append(all, w.steps...)
	}
	require.GreaterOrEqual(t, len(all), 400, "command lines")
	if *walkDocker != "" {
		return
	}
	list := filepath.Join(filepath.Dir(files[0]), "differences.md")
	if *walkNote {
		require.NoError(t, os.WriteFile(list, []byte(differences(all)), 0o644))
	}
	have, err := os.ReadFile(list)
	require.NoError(t, err)
	require.Equal(t, differences(all), string(have), "the list of differences is old: go test -run TestWalk -walk-note writes it")
}

// answering is what answers: this one, or docker.
type answering interface {
	run(stdin string, args []string) answer
}

// answer is what a program has done with a command line.
type answer struct {
	code     int
	out, err string
}

// inProcess is this program on one open store: a line costs no process.
type inProcess struct {
	ctx  context.Context
	opts image.StoreOptions
	c    *cli
}

func newInProcess(t *testing.T) *inProcess {
	root := filepath.Join(t.TempDir(), "store")
	t.Cleanup(func() { destroy(t, root) })
	p := &inProcess{ctx: t.Context(), opts: image.StoreOptions{Root: root}, c: &cli{root: root}}
	t.Setenv("CAISSON_ROOT", root)
	t.Cleanup(func() { assert.NoError(t, p.c.close()) })
	return p
}

func (p *inProcess) run(stdin string, args []string) answer {
	var out, errs bytes.Buffer
	p.c.in, p.c.out, p.c.err = strings.NewReader(stdin), &out, &errs
	code := p.c.code(p.c.main(p.ctx, args))
	return answer{code, out.String(), errs.String()}
}

type dockerProgram struct{ path string }

func (p *dockerProgram) run(stdin string, args []string) answer {
	var out, errs bytes.Buffer
	cmd := exec.Command(p.path, args...)
	cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0", "DOCKER_CLI_HINTS=false")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		panic(fmt.Sprintf("run %s: %v", p.path, err))
	}
	return answer{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// walker runs walks, each in a store that has the image box and nothing else.
type walker struct {
	t       *testing.T
	dir     string
	program answering
	vars    map[string]string
}

const walkImage = "box"

func (w *walker) prepare() {
	if *walkDocker != "" {
		for _, list := range [][]string{{"ps", "-aq"}, {"images", "-q"}, {"volume", "ls", "-q"}} {
			a := w.program.run("", list)
			require.Zero(w.t, a.code, a.err)
			require.Empty(w.t, a.out, "the docker that is asked must have nothing: the walk removes all at its end; docker %v printed", list)
		}
	}
	a := w.program.run("", []string{"build", "-q", "-t", walkImage, "ctx"})
	require.Zero(w.t, a.code, a.err)
	if *walkDocker != "" {
		t := w.t
		t.Cleanup(func() {
			w.t = t
			w.empty()
			w.program.run("", []string{"image", "prune", "-af"})
		})
	}
}

// empty removes all but the image.
func (w *walker) empty() {
	for _, each := range []struct{ list, remove string }{
		{"ps -aq", "rm -f"}, {"volume ls -q", "volume rm"}, {"network ls -q --filter type=custom", "network rm"},
	} {
		a := w.program.run("", strings.Fields(each.list))
		require.Zero(w.t, a.code, a.err)
		if ids := strings.Fields(a.out); len(ids) > 0 {
			a = w.program.run("", append(strings.Fields(each.remove), ids...))
			require.Zero(w.t, a.code, a.err)
		}
	}
	a := w.program.run("", strings.Fields("images --format {{.Repository}}:{{.Tag}}"))
	require.Zero(w.t, a.code, a.err)
	for _, name := range strings.Fields(a.out) {
		if name != walkImage+":latest" && !strings.Contains(name, none) {
			w.program.run("", []string{"rmi", "-f", name})
		}
	}
	w.program.run("", []string{"image", "prune", "-f"})
}

func (w *walker) walk(walk *walkFile) {
	w.empty()
	w.vars = map[string]string{"DIR": w.dir}
	for i := range walk.steps {
		s := &walk.steps[i]
		got, args := w.step(s)
		switch {
		case *walkDocker != "":
			s.docker = got
		case *walkNote:
			s.note(got, args)
		default:
			if problem := s.compare(got, args); problem != "" {
				w.t.Errorf("%s:%d: %s\n%s", walk.name, s.line, s.command, problem)
			}
		}
	}
	if *walkDocker != "" || *walkNote {
		require.NoError(w.t, walk.write())
	}
}

// step runs a command line and makes of what changes from run to run the same words.
func (w *walker) step(s *walkStep) (answer, []string) {
	args, err := shell.Fields(s.command, func(name string) string { return w.vars[name] })
	require.NoError(w.t, err, s.command)
	a := w.program.run(s.stdin, args)
	if s.save != "" {
		w.vars[s.save] = strings.TrimSpace(a.out)
	}
	a.out, a.err = w.same(a.out), w.same(a.err)
	return a, args
}

// same replaces what is another one each time.
func (w *walker) same(text string) string {
	text = strings.ReplaceAll(text, w.dir, "DIR")
	for _, r := range changing {
		text = r.re.ReplaceAllString(text, r.by)
	}
	text = labelList.ReplaceAllStringFunc(text, func(list string) string {
		parts := strings.Split(list, ",")
		slices.Sort(parts) // Docker's come in the order of a map
		return strings.Join(parts, ",")
	})
	return strings.TrimRight(text, "\n")
}

var labelList = regexp.MustCompile(`[\w.]+=\w*(,[\w.]+=\w*)+`)

var changing = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`(?m)^WARNING: (Error loading config file|Your kernel does not support).*\n`), ""},
	{regexp.MustCompile(`/[^\s"]*/(volumes|containers)/`), "/STORE/$1/"},
	{regexp.MustCompile(`\b(sha256:)?[0-9a-f]{64}\b`), "${1}ID64"},
	{regexp.MustCompile(`\b(sha256:)?[0-9a-f]{12}\b`), "${1}ID12"},
	{regexp.MustCompile(`\b[a-z]+_[a-z]+_[0-9a-f]{4}\b`), "MADE_UP"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[-+]\d\d:?\d\d))?( UTC)?`), "TIME"},
	{regexp.MustCompile(`(\d+ (seconds?|minutes?)|Less than a second|About a minute)( ago)?`), "AGE"},
	{regexp.MustCompile(`\b\d+(\.\d+)?([kKMGT]i?B|B)\b`), "SIZE"},
	{regexp.MustCompile(`\b\d+\.\d\d%`), "PERCENT"},
	{regexp.MustCompile(`\b(3[2-9]|[45]\d|6[0-5])\d{3}\b`), "PORT"},
	{regexp.MustCompile(`\b(172|10|192)\.\d+\.\d+\.\d+\b`), "IP"},
	{regexp.MustCompile(`\b(02|[0-9a-f]{2})(:[0-9a-f]{2}){5}\b`), "MAC"},
	{regexp.MustCompile(` {2,}`), "  "},
	{regexp.MustCompile(`(?m) +$`), ""},
}

// compare says what of an answer is not docker's, or no longer the difference that is noted.
func (s *walkStep) compare(got answer, args []string) string {
	if s.ours == nil {
		return s.docker.differs(got, args, false)
	}
	if s.reason == "" {
		return "the difference has no reason"
	}
	if s.docker.differs(*s.ours, args, false) == "" {
		return "what is noted as a difference is docker's answer: take it out"
	}
	return s.ours.differs(got, args, true)
}

// note writes the difference down, if there is one.
func (s *walkStep) note(got answer, args []string) {
	if s.docker.differs(got, args, false) == "" {
		s.ours, s.reason = nil, ""
		return
	}
	s.ours = &got
}

// differs compares exit codes and standard output. Of a message it is compared that there is one, and that it names
// what docker's names of the command line; whole is for messages of this program.
func (a *answer) differs(got answer, args []string, whole bool) string {
	switch {
	case a.code != got.code:
		return fmt.Sprintf("exit code %d, want %d\nstdout: %s\nstderr: %s", got.code, a.code, got.out, got.err)
	case a.out != got.out:
		return fmt.Sprintf("stdout:\n%s\nwant:\n%s\nstderr: %s", got.out, a.out, got.err)
	case whole && a.err != got.err:
		return fmt.Sprintf("stderr:\n%s\nwant:\n%s", got.err, a.err)
	case (a.err == "") != (got.err == ""):
		return fmt.Sprintf("stderr:\n%s\nwant:\n%s", got.err, a.err)
	}
	message := seeHelp.ReplaceAllString(a.err, "")
	for _, word := range args {
		if len(word) > 2 && !verbWord.MatchString(word) && strings.Contains(message, word) && !names(got.err, word) {
			return fmt.Sprintf("stderr does not name %q:\n%s\nwant one such as:\n%s", word, got.err, a.err)
		}
	}
	return ""
}

// names says whether a message names a word, or of NAME=VALUE the name.
func names(message, word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return strings.Contains(message, word) || len(name) < len(word) && strings.Contains(message, name)
}

// What docker says of itself names nothing of the command line; nor does a verb.
var (
	seeHelp  = regexp.MustCompile(`(?m)^(See 'docker .*|Usage: .*|Error: failed to .*)$`)
	verbWord = regexp.MustCompile(`^(-.*|run|create|start|kill|rename|tag|info|version|volume|network|exec|attach|events|build)$`)
)

// walkFiles makes what the command lines name of this host.
func walkFiles(dir string, box []byte) error {
	var errs []error
	for name, text := range map[string]string{
		"ctx/Dockerfile": "FROM scratch\nCOPY testbox /bin/testbox\nENV PATH=/bin FROM_IMAGE=yes\nLABEL maker=walk\nEXPOSE 8080 53/udp\n" +
			"ENTRYPOINT [\"/bin/testbox\"]\nCMD [\"echo\", \"default\"]\n",
		"more/Dockerfile": "FROM box\nMAINTAINER Jane <jane@example.com>\nLABEL of=more\nENV MORE=1\nWORKDIR /work\nUSER 5:6\nVOLUME /vol\nSTOPSIGNAL SIGINT\n" +
			"HEALTHCHECK --interval=1m --retries=2 CMD [\"/bin/testbox\", \"true\"]\nONBUILD LABEL a=b\nCMD [\"echo\", \"more\"]\n",
		"bad/Dockerfile": "FROM box\nNOSUCH x\n",
		"file":           "text\n", "env": "A=1\n# comment\n\nB=two words\n", "labels": "l1=x\nl2\n",
		"file2": "more text\n", "badenv": "=x\n", "emptyline": "\n \n#\nNOSUCHVARIABLE\nE=\n", "tree/a": "a\n", "tree/sub/b": "b\n",
		"empty/Dockerfile": "", "nodockerfile/x": "x\n",
	} {
		p := filepath.Join(dir, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644))
	}
	errs = append(errs, os.WriteFile(filepath.Join(dir, "ctx/testbox"), box, 0o755))
	for name, target := range map[string]string{"tree/link": "a", "tree/dlink": "sub", "hostlink": "linked", "hostdlink": "tree/sub"} {
		errs = append(errs, os.Symlink(target, filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}
